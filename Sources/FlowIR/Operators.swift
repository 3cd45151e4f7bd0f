/// Pointwise functions of one operand.
///
/// `isNaN`, `isFinite` take a float and give a bool; `not` takes a bool; `negate`, `absolute` and
/// `sign` take any number; all others take floats.
public enum UnaryOperator: String, Hashable, Sendable, CaseIterable {
  case negate
  case absolute
  case sign
  case reciprocal
  case square
  case sqrt
  case rsqrt
  case exp
  case expm1
  case log
  case log1p
  case sin
  case cos
  /// The arc sine, in [-π/2, π/2]; NaN outside [-1, 1].
  case asin
  case tanh
  case sigmoid
  /// `log(1 + exp(x))`, without overflow.
  case softplus
  case erf
  /// `1 - erf(x)`, with all digits where it is small.
  case erfc
  /// `max(0, x)`; NaN passes through.
  case relu
  case floor
  case isNaN = "is_nan"
  case isFinite = "is_finite"
  case not
}

/// Pointwise functions of two operands of the same shape.
public enum BinaryOperator: String, Hashable, Sendable, CaseIterable {
  case add
  case subtract
  case multiply
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
  case less
  case lessEqual = "less_equal"
  case greater
  case greaterEqual = "greater_equal"
  case equal
  case notEqual = "not_equal"
}

/// Ways to combine the elements along an axis.
public enum Reduction: String, Hashable, Sendable, CaseIterable {
  case sum
  case product
  case maximum
  case minimum
}

/// The distributions that random numbers are drawn from.
public enum RandomDistribution: String, Hashable, Sendable, CaseIterable {
  /// Standard normal.
  case normal
  /// Uniform on the open interval (0, 1).
  case uniform
}
