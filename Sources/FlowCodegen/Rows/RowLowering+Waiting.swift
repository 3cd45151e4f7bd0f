import FlowIR

extension RowLowering {
  /// Whether a pointwise operation waits until something asks for its result.
  ///
  ///     group of 5: … y … powers of y              group of 5: … y …
  ///     linear [y] -> [h]                    →     linear [y] -> [h]
  ///     group of 5: h times powers of y            group of 5: powers of y, h times them
  ///
  /// It is made of one value that lies in memory in any case, so that it need not be stored and nothing more
  /// is loaded. The steps of an inverse keep the order in which elements become final.
  func waits(_ operation: TensorOperation) -> Bool {
    guard !isStepwise, operation.opcode.isPointwise else { return false }
    var origins: Set<Value> = []
    for source in sources(of: operation) where context.type(of: source).hasRows {
      guard let origin = origin(of: source) else { return false }
      origins.insert(origin)
    }
    guard origins.count == 1, let origin = origins.first else { return false }
    waitingOrigins[operation.result] = origin
    return true
  }

  /// The value in memory that a value is, or is made of alone; nil for one that only its group holds.
  private func origin(of value: Value) -> Value? {
    if waiting[value] != nil { return waitingOrigins[value] }
    guard case .group? = places[value] else { return value }
    return isReadByNode(value) ? value : nil
  }

  /// Whether something other than an operation of a group reads a value or a view of it.
  private func isReadByNode(_ value: Value) -> Bool {
    (users[value] ?? []).contains { index in
      guard index >= 0 else { return true }
      let operation = operations[index]
      if operation.opcode.isView { return isReadByNode(operation.result) }
      switch operation.opcode {
      case .unary, .binary, .compare, .select, .convert, .reduce, .cumulativeSum, .search, .take:
        return false
      case .constant, .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather,
        .scatterAdd, .linear, .linearWeightGradient, .matmul, .matrixExponential, .cholesky,
        .triangularSolve, .rowSum, .rowCount, .random, .autoregressiveInverse, .odeSolve,
        .odeAdjoint, .monotoneRoot, .quadrature:
        return true
      }
    }
  }

  /// Lowers the operations that values wait for: each as late as those that read it allow, and none of the
  /// values before a position.
  func lowerWaiting(for values: [Value], from floor: Int = 0) {
    var pending: Set<Int> = []
    var stack = values
    while let value = stack.popLast() {
      guard let index = waiting[value], pending.insert(index).inserted else { continue }
      stack += sources(of: operations[index])
    }
    let order = pending.sorted()
    var position: [Value: Int] = [:]
    for index in order {
      let operation = operations[index]
      var earliest = 0
      for source in sources(of: operation) where context.type(of: source).hasRows {
        earliest = max(earliest, position[source] ?? earliestReader(of: source, operation))
      }
      position[operation.result] = earliest
    }
    var latest: [Value: Int] = [:]
    for value in values { latest[value] = max(position[value] ?? 0, floor) }
    for index in order.reversed() {
      let operation = operations[index]
      let own = max(position[operation.result] ?? 0, latest[operation.result] ?? 0)
      position[operation.result] = own
      for source in sources(of: operation) where position[source] != nil {
        latest[source] = min(latest[source] ?? own, own)
      }
    }
    for index in order {
      let operation = operations[index]
      waiting[operation.result] = nil
      lowerFused(operation, from: position[operation.result] ?? 0)
    }
  }

  private func sources(of operation: TensorOperation) -> [Value] {
    Set(operation.operands.flatMap { context.views.elements(of: $0).compactMap(\.source) })
      .sorted()
  }

  /// The first position at which a group may read a value that has been lowered.
  private func earliestReader(of value: Value, _ operation: TensorOperation) -> Int {
    switch place(of: value) {
    case .group(let group, let position):
      group.extent == IterationSpace(operation, context.function).extent ? position : position + 1
    case .buffer(_, let ready): ready + 1
    case nil: storage(of: value).ready + 1
    }
  }
}
