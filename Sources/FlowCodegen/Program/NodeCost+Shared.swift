import FlowIR

extension NodeCost {
  /// Adds what fused operations cost; what several have in common, which the compiler computes once, is
  /// counted once.
  ///
  ///     erf(z), erfc(z), erfc(-z)        one reduction, two polynomials, and a few selections for each
  ///     softplus(x), sigmoid(x)          one exponential
  mutating func add(_ operations: [TensorOperation], _ function: Function) {
    var negated: [Value: Value] = [:]
    var known: Set<SharedPart> = []
    // An erf beside an erfc is a part of it, wherever it stands.
    let isErf = { (operation: TensorOperation) in operation.opcode == .unary(.erf) }
    for operation in operations.filter({ !isErf($0) }) + operations.filter(isErf) {
      guard case .unary(let unary) = operation.opcode else {
        add(operation, function)
        continue
      }
      let operand = operation.operands[0]
      if unary == .negate { negated[operation.result] = operand }
      guard let kind = SharedPart.Kind(unary),
        !known.insert(SharedPart(kind: kind, operand: negated[operand] ?? operand)).inserted
      else {
        add(operation, function)
        continue
      }
      let count = function.type(of: operation.result).elementCount
      instructions += count * kind.instructionsOfAnother
      divisions += count * kind.divisionsOfAnother
    }
  }
}

/// What functions of one number, or of its negative, have in common.
private struct SharedPart: Hashable {
  enum Kind: Hashable {
    /// `fk_erf_both`.
    case errorFunction
    /// `exp(-|x|)`.
    case exponential

    init?(_ function: UnaryOperator) {
      switch function {
      case .erf, .erfc: self = .errorFunction
      case .sigmoid, .softplus, .logSigmoid: self = .exponential
      case .negate, .absolute, .sign, .reciprocal, .square, .sqrt, .rsqrt, .exp, .expm1, .log,
        .log1p, .sin, .cos, .asin, .tanh, .relu, .elu, .floor, .isNaN, .isFinite, .not:
        return nil
      }
    }

    /// What one more function of the same number takes.
    var instructionsOfAnother: Int { self == .errorFunction ? 5 : 4 }
    var divisionsOfAnother: Int { self == .errorFunction ? 0 : 1 }
  }

  let kind: Kind
  let operand: Value
}
