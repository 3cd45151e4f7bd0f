/// Facts about a pointwise function.
public struct OperatorTraits: Hashable, Sendable {
  /// The types of operands that a pointwise function takes.
  public enum Domain: Hashable, Sendable {
    /// Floats.
    case float
    /// Floats and integers.
    case number
    /// Bools.
    case bool
  }

  /// The types of the operands.
  public let domain: Domain
  /// Whether the result is a bool, whatever the operands are.
  public let givesBool: Bool
  /// Whether the order of two operands makes no difference.
  public let commutes: Bool
  /// Whether the result changes smoothly with the operands.
  public let isDifferentiable: Bool
  /// Whether it is computed for constant operands when a function is simplified: its result is
  /// exact or correctly rounded, so that compiled code would give the same bits.
  public let folds: Bool
  /// The value of the second operand that leaves every bit of the first unchanged, if there is one.
  public let neutral: Double?
  /// What it costs.
  public let cost: OperationCost

  init(
    _ domain: Domain, _ instructions: Int, divides: Bool = false, givesBool: Bool = false,
    commutes: Bool = false, isDifferentiable: Bool = true, folds: Bool = false,
    neutral: Double? = nil
  ) {
    self.domain = domain
    self.givesBool = givesBool
    self.commutes = commutes
    self.isDifferentiable = isDifferentiable
    self.folds = folds
    self.neutral = neutral
    cost = OperationCost(perResult: instructions, divisions: divides ? 1 : 0)
  }

  var opcodeTraits: OpcodeTraits {
    OpcodeTraits(
      .pointwise, commutes: commutes, isDifferentiable: isDifferentiable, cost: cost)
  }
}

extension UnaryOperator {
  /// The facts about this function: its domain, its cost in instructions, and its algebraic properties.
  public var traits: OperatorTraits {
    switch self {
    case .negate, .absolute: OperatorTraits(.number, 1, folds: true)
    case .sign: OperatorTraits(.number, 6, isDifferentiable: false)
    case .reciprocal, .sqrt: OperatorTraits(.float, 0, divides: true, folds: true)
    case .rsqrt: OperatorTraits(.float, 0, divides: true)
    case .square, .relu: OperatorTraits(.float, 1, folds: true)
    case .exp: OperatorTraits(.float, 15)
    case .elu: OperatorTraits(.float, 16)
    case .expm1: OperatorTraits(.float, 20)
    case .log: OperatorTraits(.float, 31)
    case .log1p: OperatorTraits(.float, 40, divides: true)
    case .sin, .cos: OperatorTraits(.float, 28)
    case .asin: OperatorTraits(.float, 17, divides: true)
    case .tanh: OperatorTraits(.float, 20, divides: true)
    case .sigmoid: OperatorTraits(.float, 22, divides: true)
    case .softplus, .logSigmoid: OperatorTraits(.float, 32, divides: true)
    case .erf: OperatorTraits(.float, 36)
    case .erfc: OperatorTraits(.float, 36, divides: true)
    case .floor: OperatorTraits(.float, 1, isDifferentiable: false)
    case .isNaN, .isFinite:
      OperatorTraits(.float, 1, givesBool: true, isDifferentiable: false, folds: true)
    case .not: OperatorTraits(.bool, 1, givesBool: true, isDifferentiable: false, folds: true)
    }
  }
}

extension BinaryOperator {
  /// The facts about this function: its domain, its cost in instructions, and its algebraic properties.
  public var traits: OperatorTraits {
    switch self {
    // Adding 0 to -0 gives 0.
    case .add: OperatorTraits(.number, 1, commutes: true, folds: true)
    case .subtract: OperatorTraits(.number, 1, folds: true, neutral: 0)
    case .multiply: OperatorTraits(.number, 1, commutes: true, folds: true, neutral: 1)
    case .divide: OperatorTraits(.number, 0, divides: true, folds: true, neutral: 1)
    // Not of 0 and -0, of which the second operand is taken.
    case .maximum, .minimum: OperatorTraits(.number, 2)
    case .power: OperatorTraits(.float, 48)
    case .and, .or: OperatorTraits(.bool, 1, commutes: true, isDifferentiable: false)
    }
  }
}

extension Comparison {
  /// Whether the order of the operands makes no difference.
  public var commutes: Bool {
    switch self {
    case .equal, .notEqual: true
    case .less, .lessEqual, .greater, .greaterEqual: false
    }
  }
}
