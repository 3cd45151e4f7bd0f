import FlowIR

/// A function of a number whose erfc, or that of its negative, the same group computes: all of them come from one
/// reduction.
struct BesideComplement {
  /// The C function.
  let function: String
  let number: Value

  /// `erf z`, or `exp -z²`, which is the derivative of both but for a factor.
  init?(_ operation: TensorOperation, _ group: GroupNode, _ views: Views) {
    func operand(of value: Value, _ unary: UnaryOperator) -> Value? {
      guard let definition = views.definition(of: value), definition.opcode == .unary(unary) else {
        return nil
      }
      return definition.operands[0]
    }
    if operation.opcode == .unary(.erf) {
      (function, number) = ("fk_erf_beside_erfc", operation.operands[0])
    } else if operation.opcode == .unary(.exp),
      let square = operand(of: operation.operands[0], .negate),
      let number = operand(of: square, .square)
    {
      (function, self.number) = ("fk_bell_beside_erfc", number)
    } else {
      return nil
    }
    func magnitude(_ value: Value) -> Value { operand(of: value, .negate) ?? value }
    let own = magnitude(number)
    let isBeside = group.operations.contains {
      $0.opcode == .unary(.erfc) && magnitude($0.operands[0]) == own
    }
    guard isBeside else { return nil }
  }
}
