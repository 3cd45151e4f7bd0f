/// The step at which each element of each buffer is final.
final class Readiness {
  private var known: [Buffer: [Int]] = [:]

  /// The steps of all elements of a buffer; 0 for those that depend on no step.
  func steps(_ buffer: Buffer) -> [Int] {
    known[buffer] ?? [Int](repeating: 0, count: buffer.elements)
  }

  /// The step at which all elements of a span are final.
  func step(of span: Span) -> Int {
    guard let steps = known[span.buffer] else { return 0 }
    return steps[span.elements].max() ?? 0
  }

  /// Notes that elements are not final before a step.
  func raise(_ span: Span, to step: Int) {
    known[span.buffer, default: [Int](repeating: 0, count: span.buffer.elements)]
      .withUnsafeMutableBufferPointer { steps in
        for element in span.elements { steps[element] = max(steps[element], step) }
      }
  }
}

extension [Node] {
  /// The nodes with their items assigned to steps; nil if some can't run apart.
  ///
  /// A sum over the items of a group would have to be cleared for the items of a step alone, so it
  /// rules that out within a loop that runs in steps itself.
  func stepped(_ ready: Readiness, clearing: Bool = false) -> [Node]? {
    var result: [Node] = []
    for node in self {
      if !node.body.accumulators.isEmpty, !clearing { return nil }
      guard let found = node.body.stepped(ready) else { return nil }
      result.append(Node(found.body, scope: node.scope, itemSteps: found.steps))
    }
    return result
  }
}

/// The step at which each item of a region's nodes is final.
///
/// An item is final one step after the state elements that it depends on; a state element is final
/// with the item that writes it. The steps are the least fixed point of these equations, reached
/// by iteration because the dependence is triangular.
struct StepSchedule {
  /// The nodes with their items' steps.
  let nodes: [Node]
  /// The number of steps.
  let count: Int

  /// Nil if more than `limit` steps are needed, or items can't run apart.
  init?(_ nodes: [Node], state: Buffer, next: Buffer, limit: Int) {
    var stateSteps = [Int](repeating: 0, count: state.elements)
    for _ in 0...(limit + 1) {
      let ready = Readiness()
      for (element, step) in stateSteps.enumerated() {
        ready.raise(Span(state, element..<element + 1), to: step)
      }
      guard let stepped = nodes.stepped(ready, clearing: true) else { return nil }
      let found = ready.steps(next).map { $0 + 1 }
      guard found.count == state.elements else { return nil }
      if found == stateSteps {
        self.nodes = stepped
        count = (stepped.flatMap(\.itemSteps).max() ?? 0) + 1
        return
      }
      // State elements take part in the step after the one that writes them.
      guard (found.max() ?? 0) <= limit else { return nil }
      stateSteps = found
    }
    return nil
  }
}
