import FlowIR

/// A function for operands that are known to lie in a range, in the place of one that looks after all numbers. It
/// has the same bits.
enum RangedFunction: CaseIterable {
  /// An exponential of a number that is bounded on both sides.
  case normalExponential
  /// A logarithm of a number that is not small.
  case normalLogarithm
  /// The logarithm of one and a number that is not negative.
  case sizeLogarithm

  /// The function that an operation is; nil if its operand may be any number.
  init?(_ operation: TensorOperation, _ views: Views) {
    guard case .unary(let function) = operation.opcode else { return nil }
    if function == .exp, views.isSoftlyBounded(operation.operands[0], by: Self.largestExponent) {
      self = .normalExponential
    } else if function == .log, let least = views.leastNumber(of: operation.operands[0]),
      least >= Views.leastNormal
    {
      self = .normalLogarithm
    } else if function == .log1p, views.leastNumber(of: operation.operands[0]) != nil {
      self = .sizeLogarithm
    } else {
      return nil
    }
  }

  /// Below it in size exponents give normal numbers in both float types, the rounding of the bound included.
  private static let largestExponent = 80.0

  /// The C function.
  var name: String {
    switch self {
    case .normalExponential: "fk_exp_normal"
    case .normalLogarithm: "fk_log_normal"
    case .sizeLogarithm: "fk_log1p_size"
    }
  }

  /// What tile programs call it.
  var text: String {
    switch self {
    case .normalExponential: "normal exponentials"
    case .normalLogarithm: "logarithms of normal numbers"
    case .sizeLogarithm: "logarithms of one and a size"
    }
  }

  /// The instructions and divisions that it takes.
  var cost: OperationCost {
    switch self {
    case .normalExponential: OperationCost(perResult: .init(11, 12, float64: 17, 18))
    case .normalLogarithm:
      OperationCost(
        perResult: .init(21, 23, float64: 24, 27), divisions: .init(0, float64: 1))
    case .sizeLogarithm:
      OperationCost(
        perResult: .init(28, 29, float64: 31, 33), divisions: .init(1, float64: 2))
    }
  }
}
