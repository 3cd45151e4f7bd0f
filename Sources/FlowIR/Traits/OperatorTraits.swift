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
    _ domain: Domain, _ instructions: InstructionCounts, divisions: InstructionCounts = 0,
    givesBool: Bool = false, commutes: Bool = false, isDifferentiable: Bool = true,
    folds: Bool = false, neutral: Double? = nil
  ) {
    self.domain = domain
    self.givesBool = givesBool
    self.commutes = commutes
    self.isDifferentiable = isDifferentiable
    self.folds = folds
    self.neutral = neutral
    cost = OperationCost(perResult: instructions, divisions: divisions)
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
    case .sign: OperatorTraits(.number, .init(5, 6, float64: 5, 6), isDifferentiable: false)
    case .reciprocal, .sqrt: OperatorTraits(.float, 0, divisions: 1, folds: true)
    case .rsqrt: OperatorTraits(.float, 0, divisions: 2)
    case .square, .relu: OperatorTraits(.float, 1, folds: true)
    case .exp: OperatorTraits(.float, .init(13, 21, float64: 19, 27))
    case .elu: OperatorTraits(.float, .init(15, float64: 21))
    case .expm1: OperatorTraits(.float, .init(18, 19, float64: 24, 25))
    case .log:
      OperatorTraits(.float, .init(21, 31, float64: 24, 35), divisions: .init(0, float64: 1))
    case .log1p:
      OperatorTraits(.float, .init(36, 44, float64: 39, 48), divisions: .init(1, float64: 2))
    case .sin, .cos: OperatorTraits(.float, .init(28, 30, float64: 33, 35))
    case .asin: OperatorTraits(.float, .init(17, 20, float64: 25, 28), divisions: 1)
    case .tanh: OperatorTraits(.float, .init(18, 20, float64: 24, 26), divisions: 1)
    case .sigmoid: OperatorTraits(.float, .init(19, 20, float64: 25, 26), divisions: 1)
    case .softplus, .logSigmoid:
      OperatorTraits(.float, .init(29, 31, float64: 42, 43), divisions: 1)
    case .erf: OperatorTraits(.float, .init(32, 34, float64: 58, 60))
    case .erfc: OperatorTraits(.float, .init(29, 34, float64: 58, 63), divisions: 1)
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
    case .divide: OperatorTraits(.number, 0, divisions: 1, folds: true, neutral: 1)
    // Not of 0 and -0, of which the second operand is taken.
    case .maximum, .minimum: OperatorTraits(.number, .init(2, 3, float64: 2, 3))
    case .power:
      OperatorTraits(.float, .init(36, 57, float64: 45, 67), divisions: .init(0, float64: 1))
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
