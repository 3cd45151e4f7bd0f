import FlowIR

/// Looks up first and computes afterwards: a function of a table is applied to the chosen element.
///
///     %1 = exp %v : rows x 5 x 8 x f32        %1 = take %v, %k : rows x 5 x f32
///     %2 = take %1, %k : rows x 5 x f32  →    %2 = exp %1 : rows x 5 x f32
///
/// The table itself disappears as dead code if nothing else uses it.
public let sinkTakes = Pass(
  name: "sink-takes", summary: "applies functions of a table to the chosen element alone"
) { function, budget throws(TypeError) in
  try Rewriter(function, budget: budget).run { operation, rewriter throws(TypeError) in
    guard case .take = operation.opcode else { return nil }
    var functions: [UnaryOperator] = []
    var table = operation.operands[0]
    while let definition = rewriter.definition(of: table),
      case .unary(let function) = definition.opcode
    {
      functions.append(function)
      table = definition.operands[0]
    }
    if functions.isEmpty { return nil }
    var value = try rewriter.emit(.take, table, operation.operands[1])
    for function in functions.reversed() { value = try rewriter.emit(.unary(function), value) }
    return [value]
  }
}
