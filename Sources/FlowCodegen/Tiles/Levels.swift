import FlowIR

/// When each value can be computed: before, between or after the loops over rows.
///
/// Level 0 depends on parameters and constants alone, level 1 on a call's uniform inputs too,
/// level p + 2 on sums over rows that phase p makes. Row values belong to the first phase that
/// runs after all uniform values that they need.
struct Levels {
  /// The level of each uniform value, the phase of each row value, by identifier.
  private(set) var levels: [Int]

  init(_ function: Function) {
    levels = [Int](repeating: 0, count: function.types.count)
    for argument in function.arguments {
      let isInput = argument.kind == .input && !function.type(of: argument.value).hasRows
      levels[argument.value.id] = isInput ? 1 : 0
    }
    visit(function.operations, function)
  }

  private mutating func visit(_ operations: [Operation], _ function: Function) {
    for operation in operations {
      for region in operation.regions { visit(region.operations, function) }
      let hasRows = operation.results.contains { function.type(of: $0).hasRows }
      var level = 0
      for input in operation.inputs {
        let isRow = function.type(of: input).hasRows
        if hasRows {
          level = max(level, isRow ? levels[input.id] : levels[input.id] - 1)
        } else {
          level = max(level, isRow ? levels[input.id] + 2 : levels[input.id])
        }
      }
      if case .rowCount = operation.opcode { level = max(level, 1) }
      for result in operation.results {
        // A sum over rows beside row values is there after their phase.
        let isSum = hasRows && !function.type(of: result).hasRows
        levels[result.id] = isSum ? level + 2 : level
      }
    }
  }

  /// The level of a uniform value, or the phase of a row value.
  subscript(_ value: Value) -> Int { levels[value.id] }
}
