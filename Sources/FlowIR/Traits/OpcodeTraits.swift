/// Facts about an operation that passes and code generation read, beside its type rule and its
/// meaning.
public struct OpcodeTraits: Hashable, Sendable {
  /// How the elements of a result follow from those of the operands.
  public enum Kind: Hashable, Sendable {
    /// Each element is a function of the same element of each operand.
    case pointwise
    /// Each element is a constant.
    case constant
    /// Each element is an element of the only operand.
    case rearrangement
    /// Each element is an element of an operand, or a constant.
    case assembly
    /// Each element is a function of the elements along one axis.
    case alongAxis
    /// Anything else without regions.
    case whole
    /// The operation applies its regions, as often as it needs to.
    case structured
  }

  /// How the elements of a result follow from those of the operands.
  public let kind: Kind
  /// How many regions such an operation has.
  public let regionCount: Int
  /// Whether it sums over rows itself.
  public let sumsRows: Bool
  /// Whether the order of the two operands makes no difference to any bit of a result that is a
  /// number.
  public let commutes: Bool
  /// Whether float results change smoothly with some operand.
  public let isDifferentiable: Bool
  /// What it costs, in vector instructions.
  public let cost: OperationCost

  init(
    _ kind: Kind, regionCount: Int = 0, sumsRows: Bool = false, commutes: Bool = false,
    isDifferentiable: Bool = true, cost: OperationCost = .none
  ) {
    self.kind = kind
    self.regionCount = regionCount
    self.sumsRows = sumsRows
    self.commutes = commutes
    self.isDifferentiable = isDifferentiable
    self.cost = cost
  }
}

/// The vector instructions of an operation that stands alone: those that clang makes of `fk_math.h`, which the
/// multiply-add units run. Loads and stores are not among them.
public struct OperationCost: Hashable, Sendable {
  /// Instructions for each element of the result, beside divisions and square roots.
  public var perResult: InstructionCounts = 0
  /// Instructions for each element of the first operand.
  public var perOperand: InstructionCounts = 0
  /// Divisions and square roots for each element of the result.
  public var divisions: InstructionCounts = 0

  package init(
    perResult: InstructionCounts = 0, perOperand: InstructionCounts = 0,
    divisions: InstructionCounts = 0
  ) {
    self.perResult = perResult
    self.perOperand = perOperand
    self.divisions = divisions
  }

  /// The cost of operations that code reads through, or whose cost is counted elsewhere.
  public static let none = OperationCost()
}

extension Opcode {
  /// The facts about this operation, one line for each.
  public var traits: OpcodeTraits {
    switch self {
    case .constant: OpcodeTraits(.constant, isDifferentiable: false)
    case .unary(let function): function.traits.opcodeTraits
    case .binary(let function): function.traits.opcodeTraits
    case .compare(let comparison):
      OpcodeTraits(
        .pointwise, commutes: comparison.commutes, isDifferentiable: false,
        cost: OperationCost(perResult: 1))
    case .select, .convert: OpcodeTraits(.pointwise, cost: OperationCost(perResult: 1))
    case .reduce, .cumulativeSum, .take:
      OpcodeTraits(.alongAxis, cost: OperationCost(perOperand: 1))
    case .search:
      OpcodeTraits(.alongAxis, isDifferentiable: false, cost: OperationCost(perOperand: 1))
    case .reshape, .broadcast, .transpose, .slice, .gather: OpcodeTraits(.rearrangement)
    case .pad, .concatenate: OpcodeTraits(.assembly)
    case .scatterAdd, .linear, .matmul, .matrixExponential, .cholesky, .triangularSolve:
      OpcodeTraits(.whole)
    case .linearWeightGradient, .rowSum: OpcodeTraits(.whole, sumsRows: true)
    case .rowCount, .random: OpcodeTraits(.whole, isDifferentiable: false)
    case .autoregressiveInverse, .odeSolve, .monotoneRoot, .quadrature:
      OpcodeTraits(.structured, regionCount: 1)
    case .odeAdjoint: OpcodeTraits(.structured, regionCount: 2)
    }
  }

  /// Whether each element of the result depends on the same element of the operands alone.
  public var isPointwise: Bool { traits.kind == .pointwise }

  /// Whether each element of the result is a constant or an element of an operand, so that row code
  /// reads through the operation.
  public var isView: Bool {
    switch traits.kind {
    case .constant, .rearrangement, .assembly: true
    case .pointwise, .alongAxis, .whole, .structured: false
    }
  }

  /// Whether each element of the result is an element of the only operand.
  public var isRearrangement: Bool { traits.kind == .rearrangement }

  /// Whether the operation has regions.
  public var isStructured: Bool { traits.kind == .structured }

  /// The mask of a layer or of its gradient.
  public var mask: Mask? {
    switch self {
    case .linear(let mask), .linearWeightGradient(let mask): mask
    case .constant, .unary, .binary, .compare, .select, .convert, .reduce, .cumulativeSum, .search,
      .take, .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather, .scatterAdd,
      .matmul, .matrixExponential, .cholesky, .triangularSolve, .rowSum, .rowCount, .random,
      .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot, .quadrature:
      nil
    }
  }

  /// How many regions such an operation has.
  public var regionCount: Int { traits.regionCount }
}

extension TensorOperation {
  /// The vector instructions, and the divisions and square roots, that all elements take where the operation stands
  /// alone.
  package func cost(
    in function: Function, on set: InstructionSet
  ) -> (instructions: Int, divisions: Int) {
    let results = results.first.map { function.type(of: $0).elementCount } ?? 0
    let operands = operands.first.map { function.type(of: $0).elementCount } ?? 0
    let cost = opcode.traits.cost
    return (
      results * cost.perResult[set] + operands * cost.perOperand[set],
      results * cost.divisions[set]
    )
  }

  /// Whether it, or an operation within its regions, sums over rows.
  public var sumsRows: Bool {
    opcode.traits.sumsRows || regions.contains(where: \.sumsRows)
  }
}
