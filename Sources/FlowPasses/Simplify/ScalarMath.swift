import FlowIR

/// Pointwise operations on single constants whose result is exact or correctly rounded.
enum ScalarMath {
  /// The result, or nil for functions that are better left to the compiled code.
  static func evaluate(_ opcode: Opcode, _ operands: [Double], _ dtype: DType) -> Double? {
    func rounded(_ value: Double) -> Double { dtype == .f32 ? Double(Float(value)) : value }
    let x = operands.map(rounded)
    // The functions below are exact in float64, or round once more to the same float32.
    if case .unary(let function) = opcode, function.traits.folds {
      return rounded(function.evaluate(x[0]))
    }
    if case .binary(let function) = opcode, function.traits.folds, dtype.isFloat {
      return rounded(function.evaluate(x[0], x[1]))
    }
    return nil
  }
}
