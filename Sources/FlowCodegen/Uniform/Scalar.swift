import FlowIR

/// What all elements of a uniform value equal.
enum Scalar {
  case constant(Double)
  /// A value with one element.
  case value(Value)
}

extension Views {
  /// What all elements of a value equal, if that can be told without looking at each.
  func scalar(_ value: Value) -> Scalar? {
    guard let definition = definition(of: value) else { return nil }
    if case .constant(let literal) = definition.opcode {
      return literal.splat.map { .constant($0) }
    }
    var isRepeated = false
    if case .broadcast = definition.opcode { isRepeated = true }
    if case .reshape = definition.opcode { isRepeated = true }
    guard isRepeated else { return nil }
    let operand = definition.operands[0]
    if let inner = scalar(operand) { return inner }
    return type(of: operand).elementCount == 1 ? .value(operand) : nil
  }

  /// The value with one element that all elements of a value equal, if there is one.
  func scalarBase(_ value: Value) -> Value? {
    switch scalar(value) {
    case .value(let base): base
    case .constant, nil: nil
    }
  }
}
