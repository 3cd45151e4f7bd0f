import FlowIR

extension NodeCost {
  /// Adds what fused operations cost; what several have in common, which the compiler computes once, is
  /// counted once.
  ///
  ///     erf(z), erfc(z), erfc(-z), exp(-z²)    one reduction, two polynomials, and a few selections for each
  ///     softplus(x), sigmoid(x)                one exponential
  mutating func add(_ operations: [TensorOperation], _ function: Function) {
    let definitions = Dictionary(
      operations.map { ($0.result, $0) }, uniquingKeysWith: { first, _ in first })
    func number(_ operation: TensorOperation) -> Value? {
      NormalParts.number(of: operation) { definitions[$0] }
    }
    let complements = Set(
      operations.filter { $0.opcode == .unary(.erfc) }.compactMap(number))
    func part(of operation: TensorOperation) -> SharedPart? {
      guard case .unary(let unary) = operation.opcode else { return nil }
      if unary == .exp {
        guard let number = number(operation), complements.contains(number) else { return nil }
        return SharedPart(kind: .errorFunction, operand: number)
      }
      return SharedPart.Kind(unary).map { kind in
        SharedPart(
          kind: kind,
          operand: NormalParts.unsigned(operation.operands[0]) { definitions[$0] })
      }
    }
    var known: Set<SharedPart> = []
    // An erf or an exponential beside an erfc is a part of it, wherever it stands.
    let isLate = { (operation: TensorOperation) in
      operation.opcode == .unary(.erf) || operation.opcode == .unary(.exp)
    }
    for operation in operations.filter({ !isLate($0) }) + operations.filter(isLate) {
      guard let part = part(of: operation), !known.insert(part).inserted else {
        add(operation, function)
        continue
      }
      let count = function.type(of: operation.result).elementCount
      instructions += count * part.kind.instructionsOfAnother
      divisions += count * part.kind.divisionsOfAnother
    }
  }
}

/// What functions of one number, or of its negative, have in common.
private struct SharedPart: Hashable {
  enum Kind: Hashable {
    /// `fk_normal_parts`.
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
