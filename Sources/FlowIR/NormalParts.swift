/// What erf, erfc and exp(-z²) of one number have in common: all of them come from one reduction of its size.
public enum NormalParts {
  /// The number z of an operation that computes erf z, erfc z or exp(-z²), as it reads it; nil for other operations.
  public static func argument(
    of operation: TensorOperation, _ definition: (Value) -> TensorOperation?
  ) -> Value? {
    if operation.opcode == .unary(.erf) || operation.opcode == .unary(.erfc) {
      return operation.operands[0]
    }
    guard operation.opcode == .unary(.exp),
      let negated = definition(operation.operands[0]), negated.opcode == .unary(.negate),
      let squared = definition(negated.operands[0]), squared.opcode == .unary(.square)
    else { return nil }
    return squared.operands[0]
  }

  /// The same without signs that do not change its size.
  public static func number(
    of operation: TensorOperation, _ definition: (Value) -> TensorOperation?
  ) -> Value? {
    argument(of: operation, definition).map { unsigned($0, definition) }
  }

  /// The number of the same size that a value is the negative or the absolute value of.
  public static func unsigned(
    _ value: Value, _ definition: (Value) -> TensorOperation?
  ) -> Value {
    guard let operation = definition(value),
      operation.opcode == .unary(.negate) || operation.opcode == .unary(.absolute)
    else { return value }
    return unsigned(operation.operands[0], definition)
  }
}
