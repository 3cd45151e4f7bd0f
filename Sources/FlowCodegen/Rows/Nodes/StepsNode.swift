import FlowIR

/// A loop over the steps of a triangular inverse.
///
/// If it is incremental, each item of each node runs in exactly one step, once what it reads is
/// final; otherwise all nodes run in each of `steps` passes.
struct StepsNode: NodeBody {
  let nodes: [Node]
  let steps: Int
  let isIncremental: Bool
  /// The fixed point.
  let state: Buffer
  /// Where a pass leaves the new state; the same memory as `state` if the loop is incremental.
  let next: Buffer

  func reads(of item: Int) -> [Span] { [] }
  func writes(of item: Int) -> [Span] { [Span(state)] }
  var bodies: [[Node]] { [nodes] }
  var prepares: [Span] { [Span(state)] }
  var takes: [Span] { [Span(next)] }
  var aliases: [(buffer: Buffer, root: Buffer)] { isIncremental ? [(next, state)] : [] }
  var calls: Int { isIncremental ? steps : 1 }

  /// What is set before the first step: the state, what nodes add up, and, since a product by zero
  /// must not be NaN, what they read before it is final.
  func cleared(_ scratch: ScratchPlan) -> [Accumulator] {
    let start = [Accumulator(buffer: state, start: 0)]
    if !isIncremental { return start }
    return nodes.flatMap(\.all).reduce(into: start) { cleared, node in
      cleared += node.body.multipliedByZero.filter { scratch.root(of: $0) != state }
        .map { Accumulator(buffer: $0, start: 0) }
      cleared += node.body.accumulators
    }
  }

  func label(_ function: Function) -> String { "steps \(steps)" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost { NodeCost() }
  func summary(_ text: NodeText) -> String {
    "steps \(steps), \(isIncremental ? "each item once" : "every item each time")"
  }
}
