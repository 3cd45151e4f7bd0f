import FlowIR

/// C expressions for pointwise operations on vectors.
enum Expressions {
  /// A constant of a dtype in every lane.
  static func splat(_ value: Double, _ dtype: DType) -> String {
    switch dtype {
    case .f32, .f64: "fk_splat(\(number(value, dtype)))"
    case .i32: "fk_splat_int(\(Int(value)))"
    case .bool: "fk_splat_int(\(value == 0 ? 0 : -1))"
    }
  }

  /// A floating-point literal, exact for the type.
  static func number(_ value: Double, _ dtype: DType) -> String {
    if value.isNaN { return "FK_NAN" }
    if value.isInfinite { return value < 0 ? "-FK_INFINITY" : "FK_INFINITY" }
    return dtype == .f32 ? floatText(Float(value).description) + "f" : floatText(value.description)
  }

  private static func floatText(_ text: String) -> String {
    text.contains(".") || text.contains("e") ? text : text + ".0"
  }

  /// The vector type of a dtype.
  static func type(_ dtype: DType) -> String { dtype.isFloat ? "fk_vec" : "fk_int" }

  /// A pointwise operation on expressions; `dtypes` are the operands'.
  static func pointwise(_ opcode: Opcode, _ operands: [String], _ dtypes: [DType]) -> String {
    let a = operands[0]
    switch opcode {
    case .unary(let operation): return unary(operation, a, dtypes[0])
    case .binary(let operation): return binary(operation, a, operands[1], dtypes[0])
    case .compare(let comparison): return "(\(a) \(symbol(comparison)) \(operands[1]))"
    case .select:
      let name = dtypes[1].isFloat ? "fk_select" : "fk_select_int"
      return "\(name)(\(a), \(operands[1]), \(operands[2]))"
    case .convert(let target): return convert(a, from: dtypes[0], to: target)
    case .constant, .reshape, .broadcast, .transpose, .slice, .gather, .pad, .concatenate, .reduce,
      .cumulativeSum, .search, .take, .scatterAdd, .linear, .linearWeightGradient, .matmul,
      .matrixExponential, .cholesky, .triangularSolve, .rowSum, .rowCount, .random,
      .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot, .quadrature:
      preconditionFailure("\(opcode.name) is not pointwise")
    }
  }

  static func binary(_ operation: BinaryOperator, _ a: String, _ b: String, _ dtype: DType)
    -> String
  {
    let suffix = dtype.isFloat ? "" : "_int"
    return switch operation {
    case .add: "(\(a) + \(b))"
    case .subtract: "(\(a) - \(b))"
    case .multiply: "(\(a) * \(b))"
    case .divide: "(\(a) / \(b))"
    case .maximum: "fk_max\(suffix)(\(a), \(b))"
    case .minimum: "fk_min\(suffix)(\(a), \(b))"
    case .power: "fk_pow(\(a), \(b))"
    case .and: "(\(a) & \(b))"
    case .or: "(\(a) | \(b))"
    }
  }

  static func symbol(_ comparison: Comparison) -> String {
    switch comparison {
    case .less: "<"
    case .lessEqual: "<="
    case .greater: ">"
    case .greaterEqual: ">="
    case .equal: "=="
    case .notEqual: "!="
    }
  }

  private static func unary(_ operation: UnaryOperator, _ a: String, _ dtype: DType) -> String {
    switch operation {
    case .negate: "(-\(a))"
    case .absolute: dtype.isFloat ? "fk_abs(\(a))" : "fk_max_int(\(a), -\(a))"
    case .sign:
      dtype.isFloat ? "fk_sign(\(a))" : "((\(a) < 0) - (\(a) > 0))"
    case .reciprocal: "(fk_splat(1) / \(a))"
    case .square: "(\(a) * \(a))"
    case .isNaN: "fk_is_nan(\(a))"
    case .isFinite: "fk_is_finite(\(a))"
    case .not: "(~\(a))"
    case .sqrt, .rsqrt, .exp, .expm1, .log, .log1p, .sin, .cos, .tanh, .sigmoid, .softplus,
      .logSigmoid, .erf, .erfc, .relu, .elu, .floor,
      .asin:
      "fk_\(operation.rawValue)(\(a))"
    }
  }

  private static func convert(_ a: String, from: DType, to: DType) -> String {
    switch (from, to) {
    case (.bool, .bool), (.i32, .i32), (.f32, .f32), (.f64, .f64), (.f32, .f64), (.f64, .f32): a
    case (.bool, .i32): "(-\(a))"
    case (.bool, .f32), (.bool, .f64): "fk_to_real(-\(a))"
    case (.i32, .f32), (.i32, .f64): "fk_to_real(\(a))"
    case (.f32, .i32), (.f64, .i32): "fk_to_int(\(a))"
    case (.i32, .bool): "(\(a) != 0)"
    case (.f32, .bool), (.f64, .bool): "(\(a) != 0)"
    }
  }

  /// A whole or infinite number, of either float type or an integer.
  static func plain(_ value: Double) -> String {
    if value.isInfinite { return value < 0 ? "-FK_INFINITY" : "FK_INFINITY" }
    return "\(Int(value))"
  }

  /// One step of a reduction.
  static func combine(_ reduction: Reduction, _ a: String, _ b: String, _ dtype: DType) -> String {
    switch reduction {
    case .sum: binary(.add, a, b, dtype)
    case .product: binary(.multiply, a, b, dtype)
    case .maximum: binary(.maximum, a, b, dtype)
    case .minimum: binary(.minimum, a, b, dtype)
    }
  }
}
