import FlowIR
import Testing

@testable import FlowCodegen

/// How layers are cut into panels.
@Suite struct PanelTests {
  static func layout(_ rows: [[Int]], inputs: Int, mixed: Bool = false) -> PanelLayout {
    let bits = rows.flatMap { seen in (0..<inputs).map { seen.contains($0) } }
    let mask = Mask(rows: rows.count, columns: inputs, bits: bits)
    return PanelLayout(mask: mask, outputs: rows.count, inputs: inputs, mixed: mixed)
  }

  @Test(
    "outputs are shared evenly among as few panels as there can be",
    arguments: [
      (1, [1]), (6, [6]), (7, [3, 4]), (11, [5, 6]), (13, [5, 4, 4]), (16, [4, 6, 6]),
      (18, [6, 6, 6]), (20, [4, 4, 6, 6]), (25, [5, 5, 5, 5, 5]), (26, [5, 5, 5, 5, 6]),
    ])
  func even(outputs: Int, rows: [Int]) {
    let layout = PanelLayout(mask: nil, outputs: outputs, inputs: 4)
    #expect(layout.panels.map(\.rows) == rows)
    #expect(!layout.isIrregular)
  }

  @Test("small panels of the same inputs lie side by side, each output's bias before its weights")
  func packed() {
    let layout = PanelLayout(mask: nil, outputs: 8, inputs: 5)
    #expect(layout.panels.map(\.weights) == [0, 4])
    #expect(layout.panels.map(\.stride) == [8, 8])
    #expect(layout.packedCount == 8 * (5 + 1))
  }

  @Test("at most 96 outputs lie side by side, as many as fit in the first cache")
  func blocks() {
    let wide = PanelLayout(mask: nil, outputs: 130, inputs: 64)
    #expect(Set(wide.panels.map(\.stride)) == [64, 72])
    #expect(wide.panels.map(\.rows).reduce(0, +) == 130)
    #expect(wide.panels.first { $0.stride == 72 }?.weights == 64 * 65)
    #expect(wide.packedCount == (64 + 72) * 65)
    // Long panels follow each other.
    let long = PanelLayout(mask: nil, outputs: 12, inputs: 200)
    #expect(long.panels.map(\.stride) == [6, 6])
    #expect(long.panels.map(\.weights) == [0, 6 * 201])
  }

  @Test("panels follow each other where each call packs them")
  func apartInCalls() {
    let layout = PanelLayout(mask: nil, outputs: 8, inputs: 5, sideBySide: false)
    #expect(layout.panels.map(\.weights) == [0, 24])
    #expect(layout.panels.map(\.stride) == [4, 4])
    #expect(layout.packedCount == 8 * (5 + 1))
  }

  @Test("panels side by side start in a line of their own, and their vectors of eight lie in lines")
  func aligned() {
    let layout = Self.layout(
      [[0]] + Array(repeating: [0, 1], count: 13), inputs: 2)
    #expect(layout.panels.map(\.stride) == [1, 16, 16, 16])
    #expect(layout.panels.map(\.weights) == [0, 16, 21, 25])
    #expect(layout.packedCount == 16 + 16 * 3)
  }

  @Test("outputs with different masks are in different panels, each as wide as its mask")
  func masks() {
    let layout = Self.layout([[0], [0], [0, 1, 2], [0, 1, 2]], inputs: 4)
    #expect(
      layout.panels == [
        Panel(weights: 0, row: 0, rows: 2, first: 0, k: 1),
        Panel(weights: 4, row: 2, rows: 2, first: 0, k: 3),
      ])
    #expect(!layout.isIrregular)
  }

  @Test(
    "a gap in a mask makes the layout irregular, and an output that sees nothing takes no input")
  func gaps() {
    #expect(Self.layout([[0, 2]], inputs: 3).isIrregular)
    let blind = Self.layout([[]], inputs: 3)
    #expect(blind.panels == [Panel(weights: 0, row: 0, rows: 1, first: 0, k: 0)])
    #expect(blind.packedCount == 1)
  }

  @Test("single outputs with nearly the same inputs are joined, if they may be mixed")
  func joined() {
    let rows = (1...6).map { Array(0..<(20 + $0)) }
    #expect(Self.layout(rows, inputs: 26).panels.count == 6)
    let mixed = Self.layout(rows, inputs: 26, mixed: true)
    // Two outputs take no longer than one, since one waits for its loads; three would read more.
    #expect(mixed.panels.map(\.rows) == [2, 2, 2])
    #expect(mixed.panels.map(\.k) == [22, 24, 26])
    #expect(mixed.isIrregular)
  }

  @Test("outputs whose inputs hardly overlap stay apart, though they may be mixed")
  func apart() {
    let rows = (0..<4).map { group in Array(group * 40..<group * 40 + 40) }
      .flatMap { [$0, $0, $0] }
    let mixed = Self.layout(rows, inputs: 160, mixed: true)
    #expect(mixed.panels.map(\.rows) == [3, 3, 3, 3])
    #expect(mixed.panels.map(\.first) == [0, 40, 80, 120])
  }

  @Test("joining never makes a panel of more than six outputs, and keeps every output once")
  func limits() {
    let rows = (1...20).map { Array(0..<(30 + $0)) }
    let mixed = Self.layout(rows, inputs: 50, mixed: true)
    #expect(mixed.panels.allSatisfy { (1...PanelLayout.maximumRows).contains($0.rows) })
    #expect(mixed.panels.flatMap { $0.row..<$0.row + $0.rows } == Array(0..<20))
  }
}
