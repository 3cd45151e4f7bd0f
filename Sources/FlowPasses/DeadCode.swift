import FlowIR

/// Removes operations whose results nothing uses.
///
///     %1 = exp %x : rows x f32
///     %2 = log %x : rows x f32      →    %1 = exp %x : rows x f32
///     return y = %1                      return y = %1
public let deadCode = Pass(
  name: "dead-code", summary: "removes operations whose results nothing uses"
) { function throws(TypeError) in
  var live = Set(function.results.map(\.value))
  var kept: [Operation] = []
  for operation in function.operations.reversed()
  where operation.results.contains(where: { live.contains($0) }) {
    let trimmed = withoutDeadCode(operation, live: live)
    live.formUnion(trimmed.inputs)
    kept.append(trimmed)
  }
  var result = function
  result.operations = kept.reversed()
  return result
}

private func withoutDeadCode(_ operation: Operation, live: Set<Value>) -> Operation {
  var operation = operation
  if case .odeSolve(let control, isRecorded: true) = operation.opcode,
    let record = operation.results.last, !live.contains(record)
  {
    operation.opcode = .odeSolve(control, isRecorded: false)
    operation.results.removeLast()
  }
  operation.regions = operation.regions.map { region in
    var live = Set(region.results)
    var kept: [Operation] = []
    for inner in region.operations.reversed()
    where inner.results.contains(where: { live.contains($0) }) {
      let trimmed = withoutDeadCode(inner, live: live)
      live.formUnion(trimmed.inputs)
      kept.append(trimmed)
    }
    return Region(
      arguments: region.arguments, operations: kept.reversed(), results: region.results)
  }
  return operation
}
