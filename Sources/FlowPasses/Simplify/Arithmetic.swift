import FlowIR

/// A pointwise operation of splat constants is a splat constant.
@Sendable func foldSplats(_ operation: TensorOperation, _ rewriter: Rewriter) throws(TypeError)
  -> [Value]?
{
  guard operation.opcode.isPointwise else { return nil }
  let splats = operation.operands.compactMap(rewriter.splat(of:))
  guard splats.count == operation.operands.count, !splats.isEmpty else { return nil }
  let type = rewriter.type(of: operation.operands[0])
  let resultTypes = try operation.opcode.resultTypes(
    operands: operation.operands.map(rewriter.type(of:)))
  guard let value = ScalarMath.evaluate(operation.opcode, splats, type.dtype) else { return nil }
  return [
    rewriter.builderSplat(value, shape: resultTypes[0].shape, dtype: resultTypes[0].dtype)
  ]
}

/// `x * 1`, `x / 1` and `x - 0` are `x`, exactly.
@Sendable func removeNeutral(_ operation: TensorOperation, _ rewriter: Rewriter) throws(TypeError)
  -> [Value]?
{
  guard case .binary(let function) = operation.opcode else { return nil }
  let (a, b) = (operation.operands[0], operation.operands[1])
  func keeps(_ value: Value) -> [Value]? {
    // The other operand may be the reason why the result is a row value.
    let hasRows = operation.operands.contains { rewriter.type(of: $0).hasRows }
    return rewriter.type(of: value).hasRows == hasRows ? [value] : nil
  }
  guard let neutral = function.traits.neutral?.bitPattern else { return nil }
  if rewriter.splat(of: b)?.bitPattern == neutral { return keeps(a) }
  if function.traits.commutes, rewriter.splat(of: a)?.bitPattern == neutral { return keeps(b) }
  return nil
}

/// `-(-x)` is `x`; `x + (-y)` is `x - y`.
@Sendable func removeDoubleNegation(_ operation: TensorOperation, _ rewriter: Rewriter)
  throws(TypeError) -> [Value]?
{
  func negated(_ value: Value) -> Value? {
    guard let definition = rewriter.definition(of: value),
      case .unary(.negate) = definition.opcode
    else { return nil }
    return definition.operands[0]
  }
  if operation.opcode == .unary(.negate) { return negated(operation.operands[0]).map { [$0] } }
  guard operation.opcode == .binary(.add), let inner = negated(operation.operands[1]) else {
    return nil
  }
  return [try rewriter.emit(.binary(.subtract), operation.operands[0], inner)]
}

/// A selection whose condition is constant, or whose branches are the same value.
@Sendable func selectConstant(_ operation: TensorOperation, _ rewriter: Rewriter) throws(TypeError)
  -> [Value]?
{
  guard case .select = operation.opcode else { return nil }
  let hasRows = operation.operands.contains { rewriter.type(of: $0).hasRows }
  let chosen: Value
  if let condition = rewriter.splat(of: operation.operands[0]) {
    chosen = operation.operands[condition == 0 ? 2 : 1]
  } else if operation.operands[1] == operation.operands[2] {
    chosen = operation.operands[1]
  } else {
    return nil
  }
  return rewriter.type(of: chosen).hasRows == hasRows ? [chosen] : nil
}

/// A conversion to the type that the value already has.
@Sendable func removeConversion(_ operation: TensorOperation, _ rewriter: Rewriter)
  throws(TypeError)
  -> [Value]?
{
  guard case .convert(let dtype) = operation.opcode,
    rewriter.type(of: operation.operands[0]).dtype == dtype
  else { return nil }
  return [operation.operands[0]]
}

extension Rewriter {
  /// Appends a splat constant.
  func builderSplat(_ value: Double, shape: [Int], dtype: DType) -> Value {
    let literal = Literal(splat: value, shape: shape, dtype: dtype)
    let results = try? emit(TensorOperation(opcode: .constant(literal), operands: [], results: []))
    return results?.first ?? builder.splat(value, shape: shape, dtype: dtype)
  }
}
