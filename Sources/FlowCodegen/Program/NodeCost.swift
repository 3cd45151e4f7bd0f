import FlowIR

/// The work that a node does for one row.
struct NodeCost {
  /// Floating-point operations of the products that run: two for each weight.
  var flop = 0
  /// Floating-point operations of products without masked weights: two for each that is left.
  var nonzeroFLOP = 0
  /// Roughly how many vector instructions the pointwise work takes, for each lane.
  var instructions = 0
  /// Divisions and square roots.
  var divisions = 0
  /// Bytes of inputs and results.
  var bytes = 0

  /// Adds the vector instructions and divisions that a row's elements of an operation take at least,
  /// roughly: counted in `fk_math.h`.
  mutating func add(_ operation: TensorOperation, _ function: Function) {
    let count = operation.results.first.map { function.type(of: $0).elementCount } ?? 0
    let operand = operation.operands.first.map { function.type(of: $0).elementCount } ?? 0
    switch operation.opcode {
    case .unary(let unary):
      instructions += count * unary.instructions
      divisions += unary.divides ? count : 0
    case .binary(.divide): divisions += count
    case .binary(.power): instructions += 40 * count
    case .binary, .compare, .select, .convert: instructions += count
    case .reduce, .cumulativeSum, .search, .take: instructions += operand
    case .constant, .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather,
      .scatterAdd, .linear, .linearWeightGradient, .matmul, .matrixExponential, .cholesky,
      .triangularSolve, .rowSum, .rowCount, .random, .autoregressiveInverse, .odeSolve,
      .odeAdjoint, .monotoneRoot, .quadrature:
      break
    }
  }
}

extension UnaryOperator {
  fileprivate var instructions: Int {
    switch self {
    case .reciprocal, .sqrt, .rsqrt: 0
    case .negate, .absolute, .square, .relu, .floor, .isNaN, .isFinite, .not: 1
    case .sign: 4
    case .exp: 14
    case .sigmoid: 17
    case .expm1, .log, .log1p: 20
    case .tanh, .sin, .cos, .asin, .erf: 25
    case .erfc: 50
    case .softplus: 36
    }
  }

  /// Whether it takes a division or a square root.
  fileprivate var divides: Bool {
    switch self {
    case .reciprocal, .sqrt, .rsqrt, .tanh, .sigmoid, .erfc: true
    case .negate, .absolute, .square, .relu, .floor, .isNaN, .isFinite, .not, .sign, .exp, .expm1,
      .log, .log1p, .sin, .cos, .asin, .erf, .softplus:
      false
    }
  }
}
