import FlowIR

extension Views {
  /// Whether a value's elements, those apart that are NaN, have at most a size: they are numbers that
  /// `x / (1 + |x / b|)` keeps between -b and b, as affine layers keep the logarithms of their scales and splines
  /// those of their bins; or the negatives of such numbers.
  func isSoftlyBounded(_ value: Value, by largest: Double) -> Bool {
    Set(elements(of: value).map(\.source)).allSatisfy { source in
      guard let source, let bound = softBound(of: source) else { return false }
      return bound <= largest
    }
  }

  /// The bound b of a number `x / (1 + |x / b|)`, or of its negative; nil for other numbers.
  private func softBound(of value: Value) -> Double? {
    guard let operation = definition(of: value) else { return nil }
    if operation.opcode == .unary(.negate) {
      return whole(operation.operands[0]).flatMap(softBound)
    }
    guard operation.opcode == .binary(.divide),
      let sum = whole(operation.operands[1]).flatMap(definition), sum.opcode == .binary(.add),
      let size = split(sum), size.constant == 1,
      let factor = sizeFactor(of: size.other, number: operation.operands[0]), factor > 0
    else { return nil }
    return 1 / factor
  }

  /// The c of |x c| or |x| c, where x is a given number; nil if the value is another.
  private func sizeFactor(of value: Value, number: Value) -> Double? {
    func isNumber(_ value: Value) -> Bool { elements(of: value) == elements(of: number) }
    guard let operation = whole(value).flatMap(definition) else { return nil }
    if operation.opcode == .unary(.absolute) {
      guard let product = whole(operation.operands[0]).flatMap(definition),
        product.opcode == .binary(.multiply), let parts = split(product), isNumber(parts.other)
      else { return nil }
      return parts.constant.magnitude
    }
    guard operation.opcode == .binary(.multiply), let parts = split(operation),
      let size = whole(parts.other).flatMap(definition), size.opcode == .unary(.absolute),
      isNumber(size.operands[0])
    else { return nil }
    return parts.constant
  }

  /// The constant among an operation's two operands, and the other operand.
  private func split(_ operation: TensorOperation) -> (constant: Double, other: Value)? {
    for (constant, other) in [(0, 1), (1, 0)] {
      if let number = splat(of: operation.operands[constant]) {
        return (number, operation.operands[other])
      }
    }
    return nil
  }
}
