import FlowIR

/// A value of the function being traced.
///
/// Operations on tensors append to the trace that the tensors belong to. Shapes are those of one
/// row; operands broadcast as in NumPy, and a uniform tensor has the same value in every
/// row. A mistake in shapes stops the program with a message that names both shapes.
public struct Tensor {
  /// The trace that it belongs to.
  public let trace: Trace
  /// The value in the trace's function.
  public let value: Value

  /// Wraps a value that was added to the trace's builder.
  public init(_ trace: Trace, _ value: Value) {
    self.trace = trace
    self.value = value
  }

  /// The type.
  public var type: TensorType { trace.builder.type(of: value) }
  /// The shape of one row.
  public var shape: [Int] { type.shape }
  /// Whether there is one entry per row.
  public var hasRows: Bool { type.hasRows }
}

extension Tensor {
  func unary(_ operation: UnaryOperator) -> Tensor { trace.emit(.unary(operation), [self]) }

  func binary(_ operation: BinaryOperator, _ other: Tensor) -> Tensor {
    let (a, b) = Self.broadcast(self, other)
    return trace.emit(.binary(operation), [a, b])
  }

  func binary(_ operation: BinaryOperator, _ other: Double) -> Tensor {
    trace.emit(.binary(operation), [self, like(other)])
  }

  func compare(_ comparison: Comparison, _ other: Tensor) -> Tensor {
    let (a, b) = Self.broadcast(self, other)
    return trace.emit(.compare(comparison), [a, b])
  }

  /// A constant with this tensor's shape and dtype.
  public func like(_ value: Double) -> Tensor {
    Tensor(trace, trace.builder.splat(value, shape: shape, dtype: type.dtype))
  }

  static func broadcast(_ a: Tensor, _ b: Tensor) -> (Tensor, Tensor) {
    let shape = commonShape(a.shape, b.shape)
    return (a.broadcast(to: shape), b.broadcast(to: shape))
  }

  /// The shape to which two shapes broadcast, as in NumPy.
  public static func commonShape(_ a: [Int], _ b: [Int]) -> [Int] {
    let rank = Swift.max(a.count, b.count)
    let left = Array(repeating: 1, count: rank - a.count) + a
    let right = Array(repeating: 1, count: rank - b.count) + b
    return zip(left, right).map { x, y in
      precondition(x == y || x == 1 || y == 1, "shapes \(a) and \(b) do not broadcast")
      return x == 1 ? y : x
    }
  }
}

extension Tensor {
  /// The sum of two tensors, element by element.
  public static func + (a: Tensor, b: Tensor) -> Tensor { a.binary(.add, b) }
  /// The difference of two tensors, element by element.
  public static func - (a: Tensor, b: Tensor) -> Tensor { a.binary(.subtract, b) }
  /// The product of two tensors, element by element.
  public static func * (a: Tensor, b: Tensor) -> Tensor { a.binary(.multiply, b) }
  /// The quotient of two tensors, element by element.
  public static func / (a: Tensor, b: Tensor) -> Tensor { a.binary(.divide, b) }
  /// The sum of each element and a number.
  public static func + (a: Tensor, b: Double) -> Tensor { a.binary(.add, b) }
  /// The difference of each element and a number.
  public static func - (a: Tensor, b: Double) -> Tensor { a.binary(.subtract, b) }
  /// The product of each element and a number.
  public static func * (a: Tensor, b: Double) -> Tensor { a.binary(.multiply, b) }
  /// The quotient of each element and a number.
  public static func / (a: Tensor, b: Double) -> Tensor { a.binary(.divide, b) }
  /// The sum of a number and each element.
  public static func + (a: Double, b: Tensor) -> Tensor { b.like(a) + b }
  /// The difference of a number and each element.
  public static func - (a: Double, b: Tensor) -> Tensor { b.like(a) - b }
  /// The product of a number and each element.
  public static func * (a: Double, b: Tensor) -> Tensor { b.like(a) * b }
  /// The quotient of a number and each element.
  public static func / (a: Double, b: Tensor) -> Tensor { b.like(a) / b }
  /// The negated elements.
  public static prefix func - (a: Tensor) -> Tensor { a.unary(.negate) }

  /// Whether `a < b` for each element of two tensors.
  public static func .< (a: Tensor, b: Tensor) -> Tensor { a.compare(.less, b) }
  /// Whether `a ≤ b` for each element of two tensors.
  public static func .<= (a: Tensor, b: Tensor) -> Tensor { a.compare(.lessEqual, b) }
  /// Whether `a = b` for each element of two tensors.
  public static func .== (a: Tensor, b: Tensor) -> Tensor { a.compare(.equal, b) }
  /// Whether `a ≠ b` for each element of two tensors.
  public static func .!= (a: Tensor, b: Tensor) -> Tensor { a.compare(.notEqual, b) }
  /// Whether `a > b` for each element of two tensors.
  public static func .> (a: Tensor, b: Tensor) -> Tensor { a.compare(.greater, b) }
  /// Whether `a ≥ b` for each element of two tensors.
  public static func .>= (a: Tensor, b: Tensor) -> Tensor { a.compare(.greaterEqual, b) }
  /// Whether `a < b` for each element and a number.
  public static func .< (a: Tensor, b: Double) -> Tensor { a.compare(.less, a.like(b)) }
  /// Whether `a ≤ b` for each element and a number.
  public static func .<= (a: Tensor, b: Double) -> Tensor { a.compare(.lessEqual, a.like(b)) }
  /// Whether `a = b` for each element and a number.
  public static func .== (a: Tensor, b: Double) -> Tensor { a.compare(.equal, a.like(b)) }
  /// Whether `a ≠ b` for each element and a number.
  public static func .!= (a: Tensor, b: Double) -> Tensor { a.compare(.notEqual, a.like(b)) }
  /// Whether `a > b` for each element and a number.
  public static func .> (a: Tensor, b: Double) -> Tensor { a.compare(.greater, a.like(b)) }
  /// Whether `a ≥ b` for each element and a number.
  public static func .>= (a: Tensor, b: Double) -> Tensor { a.compare(.greaterEqual, a.like(b)) }
  /// Logical and of two boolean tensors.
  public static func .& (a: Tensor, b: Tensor) -> Tensor { a.binary(.and, b) }
  /// Logical or of two boolean tensors.
  public static func .| (a: Tensor, b: Tensor) -> Tensor { a.binary(.or, b) }
}

/// `a` where the condition holds, else `b`.
public func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
  let shape = Tensor.commonShape(Tensor.commonShape(a.shape, b.shape), condition.shape)
  return a.trace.emit(
    .select,
    [condition.broadcast(to: shape), a.broadcast(to: shape), b.broadcast(to: shape)])
}
/// Whether each element is NaN.
public func isNaN(_ x: Tensor) -> Tensor { x.unary(.isNaN) }
/// Whether each element is neither infinite nor NaN.
public func isFinite(_ x: Tensor) -> Tensor { x.unary(.isFinite) }
/// The larger of two tensors; NaN if either is.
public func maximum(_ a: Tensor, _ b: Tensor) -> Tensor { a.binary(.maximum, b) }
/// The smaller of two tensors; NaN if either is.
public func minimum(_ a: Tensor, _ b: Tensor) -> Tensor { a.binary(.minimum, b) }
/// The larger of a tensor's elements and a number.
public func maximum(_ a: Tensor, _ b: Double) -> Tensor { a.binary(.maximum, b) }
/// The smaller of a tensor's elements and a number.
public func minimum(_ a: Tensor, _ b: Double) -> Tensor { a.binary(.minimum, b) }
/// `x` to the power `y`, for `x >= 0`; NaN for a negative `x`.
public func pow(_ x: Tensor, _ y: Tensor) -> Tensor { x.binary(.power, y) }
/// `exp(x)`.
public func exp(_ x: Tensor) -> Tensor { x.unary(.exp) }
/// `exp(x) - 1`.
public func expm1(_ x: Tensor) -> Tensor { x.unary(.expm1) }
/// The natural logarithm.
public func log(_ x: Tensor) -> Tensor { x.unary(.log) }
/// `log(1 + x)`.
public func log1p(_ x: Tensor) -> Tensor { x.unary(.log1p) }
/// `log(1 + x²)`, also where the square overflows.
public func log1pSquare(_ x: Tensor) -> Tensor {
  let isLarge = abs(x) .> 1
  let size = select(isLarge, abs(x), x.like(1))
  return 2 * log(size) + log1p(square(select(isLarge, 1 / size, x)))
}
/// The square root.
public func sqrt(_ x: Tensor) -> Tensor { x.unary(.sqrt) }
/// The absolute value.
public func abs(_ x: Tensor) -> Tensor { x.unary(.absolute) }
/// The hyperbolic tangent.
public func tanh(_ x: Tensor) -> Tensor { x.unary(.tanh) }
/// The sine.
public func sin(_ x: Tensor) -> Tensor { x.unary(.sin) }
/// The cosine.
public func cos(_ x: Tensor) -> Tensor { x.unary(.cos) }
/// `1 / (1 + exp(-x))`.
public func sigmoid(_ x: Tensor) -> Tensor { x.unary(.sigmoid) }
/// `log(1 + exp(x))`.
public func softplus(_ x: Tensor) -> Tensor { x.unary(.softplus) }
/// `log(1 / (1 + exp(-x)))`, with all digits in both tails.
public func logSigmoid(_ x: Tensor) -> Tensor { x.unary(.logSigmoid) }
/// `x` above 0, `exp(x) - 1` below.
public func elu(_ x: Tensor) -> Tensor { x.unary(.elu) }
/// `max(0, x)`.
public func relu(_ x: Tensor) -> Tensor { x.unary(.relu) }
/// The error function.
public func erf(_ x: Tensor) -> Tensor { x.unary(.erf) }
/// The complementary error function, `1 - erf(x)`, with all digits where it is small.
public func erfc(_ x: Tensor) -> Tensor { x.unary(.erfc) }
/// The arc sine, in [-π/2, π/2]; NaN outside [-1, 1].
public func asin(_ x: Tensor) -> Tensor { x.unary(.asin) }
/// The largest whole number that is not above each element.
public func floor(_ x: Tensor) -> Tensor { x.unary(.floor) }
/// The sign of each element: -1, 0 or 1.
public func sign(_ x: Tensor) -> Tensor { x.unary(.sign) }
/// The square.
public func square(_ x: Tensor) -> Tensor { x.unary(.square) }

infix operator .== : ComparisonPrecedence
infix operator .!= : ComparisonPrecedence
infix operator .< : ComparisonPrecedence
infix operator .<= : ComparisonPrecedence
infix operator .> : ComparisonPrecedence
infix operator .>= : ComparisonPrecedence
infix operator .& : LogicalConjunctionPrecedence
infix operator .| : LogicalDisjunctionPrecedence
