import FlowIR

extension Views {
  /// The least number that the elements of a value can be, whatever it is computed from, those apart that are NaN;
  /// nil if some may be negative, or the negative zero.
  func leastNumber(of value: Value) -> Double? { leastNumber(of: value, depth: 8) }

  /// The same, seen through so many operations.
  private func leastNumber(of value: Value, depth: Int) -> Double? {
    var least = Double.infinity
    var sources: Set<Value> = []
    for element in elements(of: value) {
      if let source = element.source {
        sources.insert(source)
      } else if element.constant >= 0, element.constant.sign == .plus {
        least = min(least, Self.normal(element.constant))
      } else {
        return nil
      }
    }
    for source in sources {
      guard depth > 0, let operation = definition(of: source),
        let found = leastResult(of: operation, depth: depth - 1)
      else { return nil }
      least = min(least, found)
    }
    return least
  }

  private func leastResult(of operation: TensorOperation, depth: Int) -> Double? {
    /// The least number of each operand from the given place on; nil if one has none.
    func operands(from first: Int = 0) -> [Double]? {
      var found: [Double] = []
      for operand in operation.operands[first...] {
        guard let least = leastNumber(of: operand, depth: depth) else { return nil }
        found.append(least)
      }
      return found
    }
    switch operation.opcode {
    case .unary(let function): return Self.neverNegative.contains(function) ? 0 : nil
    case .binary(.add): return operands().map { $0[0] + $0[1] }
    case .binary(.multiply):
      let isSquare = elements(of: operation.operands[0]) == elements(of: operation.operands[1])
      return isSquare ? 0 : operands().map { Self.normal($0[0] * $0[1]) }
    case .binary(.divide): return operands().map { _ in 0 }
    case .select: return operands(from: 1)?.min()
    case .reduce(.sum, _), .reduce(.maximum, _), .reduce(.minimum, _): return operands()?[0]
    case .binary, .reduce, .constant, .compare, .convert, .cumulativeSum, .search, .take, .reshape,
      .broadcast, .transpose, .slice, .concatenate, .pad, .gather, .scatterAdd, .linear,
      .linearWeightGradient, .matmul, .matrixExponential, .cholesky, .triangularSolve, .rowSum,
      .rowCount, .random, .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot,
      .quadrature:
      return nil
    }
  }

  /// Functions whose results are positive, zero or NaN.
  private static let neverNegative: Set<UnaryOperator> = [.absolute, .square, .exp, .sigmoid]

  /// From it on numbers are normal in both float types, the rounding of what they are computed from included.
  static let leastNormal = 1e-30

  /// A least number, or 0 where it may be no normal number in float32.
  private static func normal(_ least: Double) -> Double { least >= leastNormal ? least : 0 }
}
