import FlowIR
import Testing

@testable import FlowCodegen

/// Copies that keep what an earlier buffer holds.
@Suite struct KeptCopiesTests {
  private let x = Buffer(id: 0, elements: 2, name: "x")
  private let c = Buffer(id: 1, elements: 3, name: "c")
  private let a = Buffer(id: 2, elements: 5, name: "a")
  private let h = Buffer(id: 3, elements: 2, name: "h")
  private let b = Buffer(id: 4, elements: 5, name: "b")
  private let out = Buffer(id: 5, elements: 5, name: "out")

  private func copy(_ runs: [CopyNode.Run], to target: Buffer) -> Node {
    Node(CopyNode(runs: runs, target: target), scope: Scope(""))
  }

  private func run(_ source: Buffer, _ index: Int, at target: Int, _ count: Int) -> CopyNode.Run {
    CopyNode.Run(source: .buffer(source, index), target: target, count: count)
  }

  private func constant(_ value: Double, at target: Int, _ count: Int) -> CopyNode.Run {
    CopyNode.Run(source: .constant(value), target: target, count: count)
  }

  /// x and c are written, copied to a, and h is made of it.
  private var start: [Node] {
    [
      copy([constant(1, at: 0, 2)], to: x), copy([constant(2, at: 0, 3)], to: c),
      copy([run(x, 0, at: 0, 2), run(c, 0, at: 2, 3)], to: a),
      copy([run(a, 1, at: 0, 2)], to: h),
    ]
  }

  private func kept(_ nodes: [Node]) -> [CopyNode.Kept?] {
    KeptCopies(nodes).found().map { ($0.body as? CopyNode)?.kept }
  }

  private func faults(_ nodes: [Node]) -> [Fault] {
    RowVerifier(RowPhase(nodes: nodes, reductions: []), number: 0).faults()
  }

  @Test("a copy keeps what lies there, and its buffer takes the earlier one's place")
  func keeps() throws {
    let nodes =
      start + [
        copy([run(h, 0, at: 0, 2), run(c, 0, at: 2, 3)], to: b),
        copy([run(b, 0, at: 0, 5)], to: out),
      ]
    let found = KeptCopies(nodes).found()
    let node = try #require(found[4].body as? CopyNode)
    #expect(node.kept?.buffer == a)
    #expect(node.kept?.runs == [1])
    #expect(node.copied == [0])
    let plan = ScratchPlan(nodes: found)
    #expect(plan.root(of: b) == a)
    #expect(plan.offset(of: b) == plan.offset(of: a))
    #expect(faults(found) == [])
  }

  @Test("a third buffer lies where the second does")
  func chain() {
    let second = Buffer(id: 6, elements: 5, name: "second")
    let nodes =
      start + [
        copy([run(h, 0, at: 0, 2), run(c, 0, at: 2, 3)], to: b),
        copy([run(b, 0, at: 0, 2)], to: out),
        copy([run(out, 0, at: 0, 2), run(c, 0, at: 2, 3)], to: second),
        copy([run(second, 0, at: 0, 5)], to: out),
      ]
    let kept = kept(nodes)
    #expect(kept[4]?.buffer == a)
    #expect(kept[6]?.buffer == b)
  }

  @Test("nothing is kept of a buffer that is read later")
  func readLater() {
    let nodes =
      start + [
        copy([run(h, 0, at: 0, 2), run(c, 0, at: 2, 3)], to: b),
        copy([run(b, 0, at: 0, 5)], to: out), copy([run(a, 0, at: 0, 2)], to: h),
      ]
    #expect(kept(nodes).allSatisfy { $0 == nil })
  }

  @Test("the earlier buffer may be read until another part of the later one is written")
  func readBefore() {
    let nodes =
      start + [
        copy([run(c, 0, at: 2, 3)], to: b), copy([run(a, 0, at: 0, 2)], to: h),
        copy([run(h, 0, at: 0, 2)], to: b), copy([run(b, 0, at: 0, 5)], to: out),
      ]
    let found = KeptCopies(nodes).found()
    #expect((found[4].body as? CopyNode)?.kept?.buffer == a)
    #expect(faults(found) == [])
  }

  @Test("what lies elsewhere, was rewritten, or is another zero is copied")
  func different() {
    let end = copy([run(b, 0, at: 0, 5)], to: out)
    let elsewhere = start + [copy([run(c, 0, at: 0, 3), run(h, 0, at: 3, 2)], to: b), end]
    #expect(kept(elsewhere).allSatisfy { $0 == nil })
    let rewritten =
      start + [
        copy([constant(3, at: 0, 3)], to: c),
        copy([run(h, 0, at: 0, 2), run(c, 0, at: 2, 3)], to: b), end,
      ]
    #expect(kept(rewritten).allSatisfy { $0 == nil })
    let overwritten =
      start + [
        copy([constant(3, at: 4, 1)], to: a),
        copy([run(h, 0, at: 0, 2), run(c, 0, at: 2, 3)], to: b), end,
      ]
    #expect(kept(overwritten).allSatisfy { $0 == nil })
    let zeros = [
      copy([constant(0, at: 0, 5)], to: a), copy([run(a, 0, at: 0, 2)], to: h),
      copy([constant(-0.0, at: 0, 5)], to: b), end,
    ]
    #expect(kept(zeros).allSatisfy { $0 == nil })
  }

  @Test("the verifier finds a buffer that is read after another was written in its place")
  func verifier() {
    let nodes =
      start + [
        Node(
          CopyNode(
            runs: [run(h, 0, at: 0, 2), run(c, 0, at: 2, 3)], target: b,
            kept: CopyNode.Kept(buffer: a, runs: [1])), scope: Scope("keeper")),
        copy([run(b, 0, at: 0, 5)], to: out), copy([run(a, 2, at: 0, 2)], to: h),
      ]
    #expect(faults(nodes) == [])
    let late = nodes + [copy([run(a, 0, at: 0, 2)], to: h)]
    #expect(faults(late).map(\.invariant) == [.read])
  }
}
