import Testing

@testable import FlowCodegen

/// Lists of indices as loops.
@Suite("index maps") struct IndexMapTests {
  @Test("the loops of a list give the list again")
  func shapes() throws {
    func list(_ base: Int, _ loops: [(extent: Int, stride: Int)]) -> [Int] {
      loops.reduce([base]) { list, loop in
        list.flatMap { start in (0..<loop.extent).map { start + $0 * loop.stride } }
      }
    }
    // Rows repeated side by side, a transposed matrix, columns in reverse, one number.
    #expect(IndexMap.loops(of: list(7, [(6, 4), (5, 0), (4, 1)]))?.shape == [6, 5, 4])
    #expect(IndexMap.loops(of: list(0, [(3, 1), (4, 3)]))?.shape == [3, 4])
    #expect(IndexMap.loops(of: list(9, [(3, 20), (10, -1)]))?.shape == [3, 10])
    #expect(IndexMap.loops(of: [5])?.shape == [])
    // Rows that follow each other are one loop.
    #expect(IndexMap.loops(of: list(0, [(3, 4), (4, 1)]))?.shape == [12])
    let loops = list(7, [(6, 4), (5, 0), (4, 1)])
    #expect(IndexMap(loops, shape: [6, 5, 4]) == .affine(base: 7, strides: [4, 0, 1]))
  }

  @Test(
    "a list that loops do not count has no shape",
    arguments: [
      [0, 1, 2, 4], [0, 1, 2, 3, 4, 0, 1], [0, 1, 5, 6, 7, 8], [0, 0, 1, 1, 2, 3],
      [0, 1, 2, 1, 2, 4],
    ])
  func others(indices: [Int]) {
    #expect(IndexMap.loops(of: indices) == nil)
  }
}
