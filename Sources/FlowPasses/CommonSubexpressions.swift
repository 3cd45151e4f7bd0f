import FlowIR

/// Computes equal expressions once.
///
///     %1 = exp %x : rows x f32
///     %2 = exp %x : rows x f32           %1 = exp %x : rows x f32
///     %3 = add %1, %2 : rows x f32  →    %3 = add %1, %1 : rows x f32
///
/// An expression inside a region may be replaced by one from outside, but not by one of another
/// region, and one outside never by one from inside.
public let commonSubexpressions = Pass(
  name: "common-subexpressions", summary: "computes equal expressions once"
) { function, budget throws(TypeError) in
  struct Key: Hashable {
    let opcode: Opcode
    let operands: [Value]
  }
  let rewriter = Rewriter(function)
  var known: [Key: [Value]] = [:]
  func visit(_ operations: [TensorOperation]) throws(TypeError) {
    for operation in operations {
      if operation.regions.isEmpty {
        let key = Key(
          opcode: operation.opcode, operands: operation.operands.map(rewriter.mapped))
        if let results = known[key], budget.take() {
          for (old, new) in zip(operation.results, results) { rewriter.map[old] = new }
          continue
        }
        try rewriter.visit(operation) { _, _ in nil }
        known[key] = operation.results.map(rewriter.mapped)
      } else {
        let outside = known
        try rewriter.keep(operation) { region throws(TypeError) in
          try visit(region.operations)
          known = outside
          return region.results.map(rewriter.mapped)
        }
      }
    }
  }
  try visit(function.operations)
  return rewriter.finish()
}
