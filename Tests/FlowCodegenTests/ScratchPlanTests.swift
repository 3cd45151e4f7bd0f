import FlowIR
import Testing

@testable import FlowCodegen

/// Where the buffers of a loop over rows lie.
@Suite struct ScratchPlanTests {
  /// A chain of copies through buffers of given sizes, each from the one before.
  static func chain(_ buffers: [Buffer]) -> [Node] {
    zip(buffers, buffers.dropFirst()).map { from, to in
      let count = min(from.elements, to.elements)
      return Node(
        CopyNode(
          runs: [CopyNode.Run(source: .buffer(from, 0), target: 0, count: count)], target: to),
        scope: Scope(""))
    }
  }

  static func buffers(_ sizes: [Int]) -> [Buffer] {
    sizes.enumerated().map { Buffer(id: $0, elements: $1, name: "b\($0)") }
  }

  @Test("a buffer takes the memory of one that is no longer in use")
  func reuse() {
    let buffers = Self.buffers([16, 16, 16, 16])
    let plan = ScratchPlan(nodes: Self.chain(buffers))
    #expect(plan.elements == 32)
    #expect(plan.offset(of: buffers[0]) == plan.offset(of: buffers[2]))
    #expect(plan.offset(of: buffers[1]) == plan.offset(of: buffers[3]))
  }

  @Test("buffers that one node uses never overlap, whatever their sizes")
  func apart() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      let sizes = (0..<8).map { _ in Int.random(in: 1...40, using: &generator) }
      let buffers = Self.buffers(sizes)
      let plan = ScratchPlan(nodes: Self.chain(buffers))
      for (a, b) in zip(buffers, buffers.dropFirst()) {
        #expect(!plan.range(of: a).overlaps(plan.range(of: b)), "sizes \(sizes)")
      }
      #expect(plan.elements == buffers.map { plan.range(of: $0).upperBound }.max())
      #expect(plan.elements <= sizes.reduce(0, +))
    }
  }

  @Test("a buffer lives from the first node that uses it to the last")
  func lives() {
    let buffers = Self.buffers([4, 4, 4])
    let nodes = Self.chain(buffers) + Self.chain([buffers[2], buffers[0]])
    let plan = ScratchPlan(nodes: nodes)
    #expect(plan.lives[buffers[0]] == 0...2)
    #expect(plan.lives[buffers[1]] == 0...1)
    #expect(plan.lives[buffers[2]] == 1...2)
    #expect(plan.elements == 12)
  }

  @Test("the largest buffers are placed first, so that small ones fill what they leave")
  func sizes() {
    let buffers = Self.buffers([2, 100, 3])
    let plan = ScratchPlan(nodes: Self.chain(buffers))
    #expect(plan.offset(of: buffers[1]) == 0)
    #expect(plan.offset(of: buffers[0]) == 100)
    #expect(plan.offset(of: buffers[2]) == 100)
  }
}
