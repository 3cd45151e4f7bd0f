import FlowIR

/// Pointwise operations on single constants whose result is exact or correctly rounded.
enum ScalarMath {
  /// The result, or nil for functions that are better left to the compiled code.
  static func evaluate(_ opcode: Opcode, _ operands: [Double], _ dtype: DType) -> Double? {
    let a = operands[0]
    func rounded(_ value: Double) -> Double { dtype == .f32 ? Double(Float(value)) : value }
    let x = rounded(a)
    let y = operands.count > 1 ? rounded(operands[1]) : 0
    switch opcode {
    case .unary(let function):
      switch function {
      case .negate: return -x
      case .absolute: return x.magnitude
      case .reciprocal: return rounded(1 / x)
      case .square: return rounded(x * x)
      case .sqrt: return rounded(x.squareRoot())
      case .relu: return 0 > x ? 0 : x
      case .isNaN: return x.isNaN ? 1 : 0
      case .isFinite: return x.isFinite ? 1 : 0
      case .not: return x == 0 ? 1 : 0
      case .sign, .rsqrt, .exp, .expm1, .log, .log1p, .sin, .cos, .tanh, .sigmoid, .softplus,
        .erf, .erfc, .floor, .asin:
        return nil
      }
    case .binary(let function):
      guard dtype.isFloat else { return nil }
      switch function {
      case .add: return rounded(x + y)
      case .subtract: return rounded(x - y)
      case .multiply: return rounded(x * y)
      case .divide: return rounded(x / y)
      case .maximum, .minimum, .power, .and, .or: return nil
      }
    case .compare, .select, .convert: return nil
    default: return nil
    }
  }
}
