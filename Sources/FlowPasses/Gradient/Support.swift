import FlowIR

/// Rows that have no part in the result have no part in any sum over rows.
///
/// In rows where a condition does not hold, `select(condition, a, constant)` gives `a` a cotangent of
/// zero, and so all that `a` was computed from. Multiplying by that zero is not enough: where a row's
/// numbers are NaN or infinite, `0 · NaN` would spoil the sum over all rows. The reverse pass
/// therefore remembers the condition of a cotangent, its *support*, and chooses zeros in the other
/// rows of both factors of each sum:
///
///     %f = is_finite %p : rows x bool             %t = select %f, %g, %zero : rows x f32
///     %l = select %f, %p, %zero : rows x f32  →   %gb = row_sum %t : f32
///     %s = row_sum %l : f32
extension ReversePass {
  /// The support of cotangents that are passed on together.
  func commonSupport(of values: [Value]) -> Value? {
    let given = values.filter { cotangents[$0] != nil }
    guard let first = given.first, let support = supports[first] else { return nil }
    return given.allSatisfy { supports[$0] == support } ? support : nil
  }

  /// Takes note that a selection passes a cotangent on in the rows of one branch alone.
  func narrowSupport(selecting operation: TensorOperation) throws(TypeError) {
    let condition = operation.operands[0]
    // What is known already holds in fewer rows of the whole function, not just of this branch.
    guard support == nil, type(condition).hasRows, type(condition).shape.isEmpty else { return }
    switch (isActive(operation.operands[1]), isActive(operation.operands[2])) {
    case (true, false): support = condition
    case (false, true): support = try unary(.not, condition)
    case (true, true), (false, false): break
    }
  }

  /// The value, with zeros in the rows outside the support.
  func supported(_ value: Value) throws(TypeError) -> Value {
    guard let support, !perRow, chosen[value] != support else { return value }
    let result = try select(try broadcast(support, type(value).shape), value, like(value, 0))
    chosen[result] = support
    return result
  }
}
