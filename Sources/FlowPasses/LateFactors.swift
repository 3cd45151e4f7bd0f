import FlowIR

/// Multiplies sums over rows, instead of every row, by a factor that is itself made of a sum over rows.
///
///     %n = row_sum %one_if_finite : f32          %n = row_sum %one_if_finite : f32
///     %s = reciprocal %n : f32                   %s = reciprocal %n : f32
///     %g = multiply %a, %s : rows x f32     →    %g = multiply %a, %one : rows x f32
///     %t = row_sum %g : f32                      %t = row_sum %g : f32
///                                                %p = multiply %t, %s : f32
///
/// What needs a sum over all rows can't be computed in the loop that makes the sum: a second loop runs
/// after it, and computes again whatever both need. The gradient of a mean over those rows that have a
/// density starts with such a factor, one over their number; without it, one loop computes the loss and
/// the gradient, and the flow is evaluated once.
///
/// A factor is taken out only if all that it multiplies ends in sums over rows. A sum that is zero stays
/// zero, even if the factor is infinite because no row took part.
public let lateFactors = Pass(
  name: "late-factors",
  summary: "multiplies sums over rows, not each row, by factors that need a sum over rows"
) { function, budget throws(TypeError) in
  var function = function
  while !budget.isSpent, let factor = LateFactor.first(in: function), budget.take() {
    function = try factor.takenOut(of: function)
  }
  return function
}

/// A factor that can be taken out, and where it has an effect.
private struct LateFactor {
  /// The factor: a uniform scalar.
  let factor: Value
  /// The factor and the uniform values that repeat it.
  private(set) var repeated: Set<Value>
  /// Row values, and sums within regions, that are proportional to the factor.
  private var proportional: Set<Value>
  /// The sums over rows that are.
  private(set) var sums: Set<Value> = []
  private let function: Function
  private let zeros: Set<Value>

  /// The first factor of a function that can be taken out.
  static func first(in function: Function) -> LateFactor? {
    var late: Set<Value> = []
    var zeros: Set<Value> = []
    var sources: [Value: Value] = [:]
    var candidates: [Value] = []
    for operation in function.operations {
      if case .constant(let literal) = operation.opcode, literal.splat == 0 {
        zeros.formUnion(operation.results)
      }
      if function.readsRows(operation) || operation.results.contains(where: function.hasRows) {
        candidates += operation.inputs.compactMap { sources[$0] }
        late.formUnion(operation.results.filter { !function.hasRows($0) })
      } else if operation.inputs.contains(where: late.contains), let value = operation.results.first
      {
        late.insert(value)
        if operation.opcode.repeatsElements, let source = sources[operation.operands[0]] {
          sources[value] = source
        } else if function.type(of: value).isFloatScalar {
          sources[value] = value
        }
      }
    }
    var seen: Set<Value> = []
    for value in candidates where seen.insert(value).inserted {
      let factor = LateFactor(value, function, zeros: zeros)
      if let factor { return factor }
    }
    return nil
  }

  /// Follows a factor through the function; nil if something is not proportional to it, or if it is
  /// not only sums over rows that come out.
  private init?(_ factor: Value, _ function: Function, zeros: Set<Value>) {
    self.factor = factor
    self.function = function
    self.zeros = zeros
    repeated = [factor]
    proportional = [factor]
    for operation in function.operations {
      if function.readsRows(operation) || operation.results.contains(where: function.hasRows) {
        guard follow(operation) else { return nil }
      } else if operation.opcode.repeatsElements, repeated.contains(operation.operands[0]) {
        repeated.formUnion(operation.results)
        proportional.formUnion(operation.results)
      }
    }
    let results = function.results.map(\.value).filter(function.hasRows)
    if sums.isEmpty || results.contains(where: proportional.contains) { return nil }
  }

  /// Takes note of what of an operation's results is proportional to the factor; false if it can't be
  /// told.
  private mutating func follow(_ operation: TensorOperation) -> Bool {
    guard operation.inputs.contains(where: proportional.contains) else { return true }
    if case .quadrature = operation.opcode { return followQuadrature(operation) }
    guard isLinear(operation) else { return false }
    for result in operation.results {
      if function.hasRows(result) {
        proportional.insert(result)
      } else {
        sums.insert(result)
      }
    }
    return true
  }

  /// An integral is a sum of what its region yields.
  private mutating func followQuadrature(_ operation: TensorOperation) -> Bool {
    if operation.operands.contains(where: proportional.contains) { return false }
    let region = operation.regions[0]
    let outside = sums
    sums = []
    for inner in region.operations {
      // Nothing within may go on computing with a sum, which is multiplied by the factor outside.
      guard !inner.inputs.contains(where: sums.contains), follow(inner) else { return false }
    }
    let (within, before) = (sums, outside)
    sums = before
    for (result, yielded) in zip(operation.results, region.results) {
      if within.contains(yielded) { sums.insert(result) }
      if proportional.contains(yielded) { proportional.insert(result) }
    }
    return true
  }

  /// Whether the results of an operation, one of whose inputs is proportional to the factor, are.
  private func isLinear(_ operation: TensorOperation) -> Bool {
    let operands = operation.operands
    func isFree(_ values: some Sequence<Value>) -> Bool {
      !values.contains(where: proportional.contains)
    }
    func isProportional(_ value: Value) -> Bool {
      proportional.contains(value) || zeros.contains(value)
    }
    switch operation.opcode {
    case .unary(let function): return function == .negate
    case .binary(.add), .binary(.subtract): return operands.allSatisfy(isProportional)
    case .binary(.multiply), .linearWeightGradient:
      return proportional.contains(operands[0]) != proportional.contains(operands[1])
    case .binary(.divide), .take: return isFree(operands.dropFirst())
    case .select: return isFree([operands[0]]) && operands.dropFirst().allSatisfy(isProportional)
    case .reduce(let reduction, _): return reduction == .sum
    case .pad(_, _, _, let value): return value == 0
    case .cumulativeSum, .reshape, .broadcast, .transpose, .slice, .gather, .scatterAdd, .rowSum:
      return true
    case .concatenate: return operands.allSatisfy(isProportional)
    case .linear: return operands.count == 2 && isFree([operands[1]])
    case .triangularSolve: return isFree([operands[0]])
    case .odeAdjoint:
      return isFree([operands[0]]) && operands.dropFirst().allSatisfy(isProportional)
        && isFree(operation.regions.flatMap(\.captures))
    case .constant, .binary, .compare, .convert, .search, .matmul, .matrixExponential, .cholesky,
      .rowCount, .random, .autoregressiveInverse, .odeSolve, .monotoneRoot, .quadrature:
      return false
    }
  }
}

extension LateFactor {
  /// The function with ones in the factor's place in rows, and with sums multiplied by it.
  func takenOut(of function: Function) throws(TypeError) -> Function {
    let ends = multiplied(function)
    let rewriter = Rewriter(function)
    var ones: [Value: Value] = [:]
    // A product stands right before its first use, where it runs in that use's loop.
    var waiting = ends
    func multiply(_ values: [Value]) throws(TypeError) {
      for value in values where waiting.remove(value) != nil {
        rewriter.map[value] = try product(rewriter.mapped(value), rewriter)
      }
    }
    for operation in function.operations {
      try multiply(operation.inputs)
      let isRow =
        function.readsRows(operation) || operation.results.contains(where: function.hasRows)
      let read = isRow ? operation.inputs.filter(repeated.contains) : []
      var saved: [Value: Value] = [:]
      for value in read {
        saved[value] = rewriter.map[value]
        let type = function.type(of: value)
        let one =
          ones[value] ?? rewriter.builder.splat(1, shape: type.shape, dtype: type.dtype)
        ones[value] = one
        rewriter.map[value] = one
      }
      try rewriter.visit(operation) { _, _ in nil }
      for (value, known) in saved { rewriter.map[value] = known }
    }
    try multiply(function.results.map(\.value))
    return rewriter.finish()
  }

  /// The values to multiply: the sums, or what gathers and reshapes make of one that nothing else
  /// reads, so that a weight gradient is still summed in its parameter's order.
  private func multiplied(_ function: Function) -> Set<Value> {
    var readers: [Value: [TensorOperation]] = [:]
    for operation in function.operations {
      for operand in operation.inputs { readers[operand, default: []].append(operation) }
    }
    let results = Set(function.results.map(\.value))
    return Set(
      sums.map { sum in
        var end = sum
        while !results.contains(end), let all = readers[end], all.count == 1,
          all[0].opcode.reordersElements, let next = all[0].results.first
        {
          end = next
        }
        return end
      })
  }

  private func product(_ sum: Value, _ rewriter: Rewriter) throws(TypeError) -> Value {
    let type = rewriter.type(of: sum)
    let factor = rewriter.mapped(factor)
    let all =
      type.shape.isEmpty ? factor : try rewriter.emit(.broadcast(type.shape), factor)
    let zero = rewriter.builder.splat(0, shape: type.shape, dtype: type.dtype)
    return try rewriter.emit(
      .select, try rewriter.emit(.compare(.equal), sum, zero), sum,
      try rewriter.emit(.binary(.multiply), sum, all))
  }
}

extension Function {
  fileprivate func hasRows(_ value: Value) -> Bool { type(of: value).hasRows }

  fileprivate func readsRows(_ operation: TensorOperation) -> Bool {
    operation.inputs.contains(where: hasRows)
  }
}

extension TensorType {
  fileprivate var isFloatScalar: Bool { shape.isEmpty && dtype.isFloat }
}

extension Opcode {
  /// Whether the result of a scalar is that scalar, repeated.
  var repeatsElements: Bool {
    switch self {
    case .broadcast, .reshape: true
    case .constant, .unary, .binary, .compare, .select, .convert, .reduce, .cumulativeSum, .search,
      .take, .transpose, .slice, .concatenate, .pad, .gather, .scatterAdd, .linear,
      .linearWeightGradient, .matmul, .matrixExponential, .cholesky, .triangularSolve, .rowSum,
      .rowCount, .random, .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot,
      .quadrature:
      false
    }
  }

  /// Whether the result holds elements of the operand in another order.
  fileprivate var reordersElements: Bool {
    switch self {
    case .gather, .reshape: true
    case .constant, .unary, .binary, .compare, .select, .convert, .reduce, .cumulativeSum, .search,
      .take, .broadcast, .transpose, .slice, .concatenate, .pad, .scatterAdd, .linear,
      .linearWeightGradient, .matmul, .matrixExponential, .cholesky, .triangularSolve, .rowSum,
      .rowCount, .random, .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot,
      .quadrature:
      false
    }
  }
}
