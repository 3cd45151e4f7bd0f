import FlowIR

extension RowLowering {
  /// Lowers a triangular inverse: its region becomes nodes whose items each run once, at the step
  /// when all that they read is final, if the dependences allow it.
  ///
  ///     %x = autoregressive_inverse passes 3          steps 3, each item once {
  ///       (%y) {                                        linear 3 x 3 in 3 panels … by step 1 1 1
  ///         %h = linear %y, %w mask @m0           →     …
  ///         …                                         }
  ///       }
  ///
  /// If more steps were needed than passes are asked for, every item runs in every pass.
  func lowerInverse(_ operation: Operation, passes: Int) throws(CodegenError) {
    let region = operation.regions[0]
    let child = RowLowering(context: context, parent: self, isStepwise: true)
    let x = region.arguments[0]
    let count = context.type(of: x).elementCount
    let state = context.makeBuffer(count, "x\(x.id)")
    let next = context.makeBuffer(count, "next\(x.id)")
    child.places[x] = .buffer(state, ready: -1)
    try child.lower(region.operations, outputs: region.results)
    _ = child.materialize(context.views.elements(of: region.results[0]), into: next)
    let extras = region.results.dropFirst().map { child.buffer(of: $0).buffer }
    let schedule = StepSchedule(nodes: child.nodes, state: state, next: next, limit: passes)
    let steps: Int
    if let found = schedule.run() {
      steps = found
      next.alias = state
    } else {
      steps = passes
    }
    add(
      .steps(
        StepsNode(
          nodes: child.nodes, steps: steps, isIncremental: next.alias != nil, state: state,
          next: next)), operation.scope)
    let ready = nodes.count - 1
    places[operation.results[0]] = .buffer(state, ready: ready)
    for (value, buffer) in zip(operation.results.dropFirst(), extras) {
      places[value] = .buffer(buffer, ready: ready)
    }
  }
}

/// The step at which each element of each buffer is final.
final class Readiness {
  private var known: [Int: [Int]]

  init(_ state: Buffer, _ steps: [Int]) { known = [state.id: steps] }

  func steps(_ buffer: Buffer) -> [Int] {
    known[buffer.id] ?? [Int](repeating: 0, count: buffer.elements)
  }

  func raise(_ buffer: Buffer, _ element: Int, _ step: Int) {
    raise(buffer, element..<element + 1, step)
  }

  func raise(_ buffer: Buffer, _ elements: Range<Int>, _ step: Int) {
    known[buffer.id, default: [Int](repeating: 0, count: buffer.elements)]
      .withUnsafeMutableBufferPointer { steps in
        for element in elements { steps[element] = max(steps[element], step) }
      }
  }
}

/// Finds the step at which each item of a region's nodes is final.
///
/// An item is final one step after the state elements that it depends on; a state element is final
/// with the item that writes it. The steps are the least fixed point of these equations, reached
/// by iteration because the dependence is triangular.
struct StepSchedule {
  let nodes: [Node]
  let state: Buffer
  let next: Buffer
  let limit: Int

  /// The number of steps, with `itemSteps` of the nodes filled in; nil if more than the limit.
  func run() -> Int? {
    var stateSteps = [Int](repeating: 0, count: state.elements)
    for _ in 0...(limit + 1) {
      let ready = Readiness(state, stateSteps)
      var last = 0
      for node in nodes {
        guard let steps = itemSteps(of: node, ready: ready) else { return nil }
        node.itemSteps = steps
        last = max(last, steps.max() ?? 0)
      }
      let found = ready.steps(next).map { $0 + 1 }
      guard found.count == state.elements else { return nil }
      if found == stateSteps { return last + 1 }
      // State elements take part in the step after the one that writes them.
      guard (found.max() ?? 0) <= limit else { return nil }
      stateSteps = found
    }
    return nil
  }

  func itemSteps(of node: Node, ready: Readiness) -> [Int]? {
    let steps = ready.steps
    let raise: (Buffer, Range<Int>, Int) -> Void = ready.raise
    switch node.kind {
    case .load, .random, .store, .rowSum, .weightGradient, .solve, .steps, .loop:
      return nil
    case .root(let root): return rootSteps(root, ready: ready)
    case .quadrature(let quadrature): return quadratureSteps(quadrature, ready: ready)
    case .copy(let runs, let target):
      return runs.map { run in
        var step = 0
        if case .buffer(let buffer, let index) = run.source {
          step = steps(buffer)[index..<index + run.count].max() ?? 0
        }
        raise(target, run.target..<run.target + run.count, step)
        return step
      }
    case .linear(let linear):
      guard linear.repeats == 1 else { return nil }
      let input = steps(linear.input)
      let extra = linear.extra.map { steps($0.buffer) }
      return linear.layout.panels.map { panel in
        let inputs = panel.first..<panel.first + panel.k
        let outputs = panel.row..<panel.row + panel.rows
        var step = extra.map { $0[outputs].max() ?? 0 } ?? 0
        if let mask = linear.mask {
          mask.row(panel.row).withUnsafeBufferPointer { sees in
            for i in inputs where sees[i] { step = max(step, input[i]) }
          }
        } else {
          step = max(step, input[inputs].max() ?? 0)
        }
        raise(linear.output, outputs, step)
        return step
      }
    case .group(let group):
      return groupSteps(group, node: node, steps: steps, raise: raise)
    }
  }

  private func groupSteps(
    _ group: GroupNode, node: Node, steps: (Buffer) -> [Int],
    raise: (Buffer, Range<Int>, Int) -> Void
  ) -> [Int]? {
    var items = [Int](repeating: 0, count: group.extent)
    for (buffer, reads) in group.reads {
      let ready = steps(buffer)
      for (item, elements) in reads.enumerated() {
        for element in elements { items[item] = max(items[item], ready[element]) }
      }
    }
    for store in group.stores {
      let inner = store.map.count / group.extent
      for (element, target) in store.map.enumerated() where target >= 0 {
        raise(store.buffer, target..<target + 1, items[element / inner])
      }
    }
    for (_, sum) in group.sums {
      let last = items.max() ?? 0
      raise(sum.buffer, 0..<sum.buffer.elements, last)
    }
    return items
  }
}
