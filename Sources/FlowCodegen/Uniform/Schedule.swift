import FlowIR

/// When each value can be computed: before, between or after the loops over rows.
///
/// Level 0 depends on parameters and constants alone, level 1 on a call's uniform inputs too,
/// level p + 2 on sums over rows that phase p makes. A row value belongs to the first phase that
/// runs after all uniform values that it needs: phase p runs after level p + 1.
struct Schedule {
  /// The level of each uniform value, by identifier.
  private var levels: [Int]
  /// The phase of each row value, by identifier.
  private var phases: [Int]

  init(_ function: Function) {
    levels = [Int](repeating: 0, count: function.types.count)
    phases = levels
    for argument in function.arguments where !function.type(of: argument.value).hasRows {
      levels[argument.value.id] = argument.kind == .input ? 1 : 0
    }
    for operation in function.operations.regionsFirst { place(operation, function) }
  }

  /// The level of a uniform value.
  func level(of value: Value) -> Int { levels[value.id] }

  /// The phase of a row value.
  func phase(of value: Value) -> Int { phases[value.id] }

  /// The phase that makes a sum over rows, which is the one before its level.
  func phase(ofSum value: Value) -> Int { levels[value.id] - 2 }

  private mutating func place(_ operation: TensorOperation, _ function: Function) {
    let isRow = operation.results.contains { function.type(of: $0).hasRows }
    if isRow {
      let phase = operation.inputs.reduce(0) { phase, input in
        max(
          phase,
          function.type(of: input).hasRows ? phases[input.id] : levels[input.id] - 1)
      }
      for result in operation.results {
        // A sum over rows beside row values is there after their phase.
        if function.type(of: result).hasRows {
          phases[result.id] = phase
        } else {
          levels[result.id] = phase + 2
        }
      }
    } else {
      var level = operation.inputs.reduce(0) { level, input in
        max(
          level,
          function.type(of: input).hasRows ? phases[input.id] + 2 : levels[input.id])
      }
      if case .rowCount = operation.opcode { level = max(level, 1) }
      for result in operation.results { levels[result.id] = level }
    }
  }
}
