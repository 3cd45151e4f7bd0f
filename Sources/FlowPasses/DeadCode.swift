import FlowIR

/// Removes operations whose results nothing uses.
///
///     %1 = exp %x : rows x f32
///     %2 = log %x : rows x f32      →    %1 = exp %x : rows x f32
///     return y = %1                      return y = %1
public let deadCode = Pass(
  name: "dead-code", summary: "removes operations whose results nothing uses"
) { function, budget throws(TypeError) in
  var result = function
  result.operations = liveOperations(
    of: function.operations, results: function.results.map(\.value), budget)
  return result
}

/// The operations that the results need.
private func liveOperations(
  of operations: [TensorOperation], results: [Value], _ budget: RewriteBudget
) -> [TensorOperation] {
  var live = Set(results)
  var kept: [TensorOperation] = []
  for operation in operations.reversed()
  where operation.results.contains(where: live.contains) || !budget.take() {
    let trimmed = withoutDeadCode(operation, live: live, budget)
    live.formUnion(trimmed.inputs)
    kept.append(trimmed)
  }
  return kept.reversed()
}

private func withoutDeadCode(
  _ operation: TensorOperation, live: Set<Value>, _ budget: RewriteBudget
) -> TensorOperation {
  var operation = operation
  if case .odeSolve(let control, isRecorded: true) = operation.opcode,
    let record = operation.results.last, !live.contains(record), budget.take()
  {
    operation.opcode = .odeSolve(control, isRecorded: false)
    operation.results.removeLast()
  }
  return operation.replacingRegionOperations { region in
    liveOperations(of: region.operations, results: region.results, budget)
  }
}
