extension UnaryOperator {
  /// The function's value at `x`; bools are 0 and 1.
  public func evaluate(_ x: Double) -> Double {
    switch self {
    case .negate: -x
    case .absolute: x.magnitude
    case .sign: x > 0 ? 1 : x < 0 ? -1 : x.isNaN ? x : 0
    case .reciprocal: 1 / x
    case .square: x * x
    case .sqrt: x.squareRoot()
    case .rsqrt: 1 / x.squareRoot()
    case .exp: RealMath.exp(x)
    case .expm1: RealMath.expm1(x)
    case .log: RealMath.log(x)
    case .log1p: RealMath.log1p(x)
    case .sin: RealMath.sin(x)
    case .cos: RealMath.cos(x)
    case .asin: RealMath.asin(x)
    case .tanh: RealMath.tanh(x)
    case .sigmoid: x < 0 ? RealMath.exp(x) / (1 + RealMath.exp(x)) : 1 / (1 + RealMath.exp(-x))
    case .softplus: (0 > x ? 0 : x) + RealMath.log1p(RealMath.exp(-x.magnitude))
    case .logSigmoid: (x > 0 ? 0 : x) - RealMath.log1p(RealMath.exp(-x.magnitude))
    case .erf: RealMath.erf(x)
    case .erfc: RealMath.erfc(x)
    case .relu: 0 > x ? 0 : x
    case .elu: x < 0 ? RealMath.expm1(x) : x
    case .floor: x.rounded(.down)
    case .isNaN: x.isNaN ? 1 : 0
    case .isFinite: x.isFinite ? 1 : 0
    case .not: x == 0 ? 1 : 0
    }
  }
}

extension BinaryOperator {
  /// The function's value at `x` and `y`; bools are 0 and 1.
  public func evaluate(_ x: Double, _ y: Double) -> Double {
    switch self {
    case .add: x + y
    case .subtract: x - y
    case .multiply: x * y
    case .divide: x / y
    case .maximum: x.isNaN ? x : x > y ? x : y
    case .minimum: x.isNaN ? x : x < y ? x : y
    case .power: RealMath.pow(x, y)
    case .and: x != 0 && y != 0 ? 1 : 0
    case .or: x != 0 || y != 0 ? 1 : 0
    }
  }
}

extension Comparison {
  /// Whether it holds of `x` and `y`.
  public func evaluate(_ x: Double, _ y: Double) -> Bool {
    switch self {
    case .less: x < y
    case .lessEqual: x <= y
    case .greater: x > y
    case .greaterEqual: x >= y
    case .equal: x == y
    case .notEqual: x != y
    }
  }
}
