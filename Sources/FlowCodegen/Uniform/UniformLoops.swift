import FlowIR

/// Uniform operations grouped into loops, before threads share them.
struct UniformLoop {
  let operations: [TensorOperation]
  let count: Int
  let stored: [Value]
  let elementwise: [Value]
  let whole: [Value]

  var isPointwise: Bool { operations[0].opcode.isPointwise }

  /// Whether threads share it: a copy by its first dimension, random numbers by their places.
  func isSplit(_ function: Function) -> Bool {
    var isSplit = operations[0].opcode.isRearrangement
    if case .random = operations[0].opcode { isSplit = true }
    return isSplit && !function.type(of: operations[0].result).shape.isEmpty
      && count >= Share.smallest
  }
}

/// The loops over uniform operations, by level.
struct UniformLoops {
  let levels: [[UniformLoop]]

  /// Joins neighbouring pointwise operations of the same size, and decides which of their results
  /// leave registers.
  init(_ views: Views, _ order: UniformOrder, _ demand: UniformDemand) {
    var pinned = demand.pinned
    pinned.formUnion(pinned.compactMap { order.shared[$0] })
    let uses = Self.uses(views, order)
    levels = order.operations.map { operations in
      Self.runs(operations, views.function).map { run in
        let results = Set(run.map(\.result))
        guard run[0].opcode.isPointwise else {
          return UniformLoop(
            operations: run, count: views.type(of: run[0].result).elementCount,
            stored: run.map(\.result), elementwise: [], whole: run[0].operands)
        }
        var inside: [Value: Int] = [:]
        for operand in run.flatMap(\.operands) { inside[operand, default: 0] += 1 }
        // A view of one of the loop's own results is read in the iteration that stored it, so it
        // waits for no other step: a reshape has the same elements, and a scalar that is repeated
        // over a loop of its own size is the only element of that loop.
        let read = run.flatMap(\.operands).filter { operand in
          let base = views.scalarBase(operand) ?? order.shared[operand] ?? operand
          return !results.contains(operand) && !results.contains(base)
        }
        // What only this loop reads stays in registers.
        let stored = run.map(\.result).filter { pinned.contains($0) || inside[$0] != uses[$0] }
        return UniformLoop(
          operations: run, count: views.type(of: run[0].result).elementCount, stored: stored,
          elementwise: read.filter { views.scalar($0) == nil },
          whole: read.compactMap { views.scalarBase($0) })
      }
    }
  }

  /// Neighbouring pointwise operations of the same size; others one by one.
  private static func runs(_ operations: [TensorOperation], _ function: Function)
    -> [[TensorOperation]]
  {
    var runs: [[TensorOperation]] = []
    for operation in operations {
      if let last = runs.last?.last, last.opcode.isPointwise, operation.opcode.isPointwise,
        function.type(of: last.result).elementCount
          == function.type(of: operation.result).elementCount
      {
        runs[runs.count - 1].append(operation)
      } else {
        runs.append([operation])
      }
    }
    return runs
  }

  /// How many uniform operations read each value.
  private static func uses(_ views: Views, _ order: UniformOrder) -> [Value: Int] {
    var uses: [Value: Int] = [:]
    for operand in order.operations.joined().flatMap(\.operands) {
      uses[operand, default: 0] += 1
      if let base = views.scalarBase(operand) { uses[base, default: 0] += 1 }
      if let root = order.shared[operand] { uses[root, default: 0] += 1 }
    }
    return uses
  }
}
