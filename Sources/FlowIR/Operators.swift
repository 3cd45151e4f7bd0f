/// Pointwise functions of one operand.
///
/// `isNaN`, `isFinite` take a float and give a bool; `not` takes a bool; `negate`, `absolute` and
/// `sign` take any number; all others take floats.
public enum UnaryOperator: String, Hashable, Sendable, CaseIterable {
  /// `-x`.
  case negate
  /// `|x|`.
  case absolute
  /// -1, 0 or 1; NaN stays NaN.
  case sign
  /// `1 / x`.
  case reciprocal
  /// `x²`.
  case square
  /// The square root.
  case sqrt
  /// `1 / √x`.
  case rsqrt
  /// `exp(x)`.
  case exp
  /// `exp(x) - 1`, with all digits near 0.
  case expm1
  /// The natural logarithm.
  case log
  /// `log(1 + x)`, with all digits near 0.
  case log1p
  /// The sine.
  case sin
  /// The cosine.
  case cos
  /// The arc sine, in [-π/2, π/2]; NaN outside [-1, 1].
  case asin
  /// The hyperbolic tangent.
  case tanh
  /// `1 / (1 + exp(-x))`.
  case sigmoid
  /// `log(1 + exp(x))`, without overflow.
  case softplus
  /// `log(1 / (1 + exp(-x)))`, with all digits in both tails.
  case logSigmoid = "log_sigmoid"
  /// The error function.
  case erf
  /// `1 - erf(x)`, with all digits where it is small.
  case erfc
  /// `max(0, x)`; NaN passes through.
  case relu
  /// `x` above 0, `exp(x) - 1` below, with all digits near 0; NaN passes through.
  case elu
  /// The largest whole number that is not above `x`.
  case floor
  /// Whether `x` is NaN.
  case isNaN = "is_nan"
  /// Whether `x` is neither infinite nor NaN.
  case isFinite = "is_finite"
  /// Logical negation.
  case not
}

/// Pointwise functions of two operands of the same shape.
public enum BinaryOperator: String, Hashable, Sendable, CaseIterable {
  /// `x + y`.
  case add
  /// `x - y`.
  case subtract
  /// `x y`.
  case multiply
  /// `x / y`.
  case divide
  /// The larger operand; NaN if either is NaN.
  case maximum
  /// The smaller operand; NaN if either is NaN.
  case minimum
  /// `x` to the power `y`, for floats.
  case power
  /// Logical and, for bools.
  case and
  /// Logical or, for bools.
  case or
}

/// Comparisons of two numbers; any comparison with NaN is false, except `notEqual`.
public enum Comparison: String, Hashable, Sendable, CaseIterable {
  /// `x < y`.
  case less
  /// `x ≤ y`.
  case lessEqual = "less_equal"
  /// `x > y`.
  case greater
  /// `x ≥ y`.
  case greaterEqual = "greater_equal"
  /// `x = y`.
  case equal
  /// `x ≠ y`.
  case notEqual = "not_equal"
}

/// Ways to combine the elements along an axis.
public enum Reduction: String, Hashable, Sendable, CaseIterable {
  /// The sum.
  case sum
  /// The product.
  case product
  /// The largest element; NaN if any is.
  case maximum
  /// The smallest element; NaN if any is.
  case minimum
}

/// The distributions that random numbers are drawn from.
public enum RandomDistribution: String, Hashable, Sendable, CaseIterable {
  /// Standard normal.
  case normal
  /// Uniform on the open interval (0, 1).
  case uniform
}
