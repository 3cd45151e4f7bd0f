/// `f(x) = exp(x)`, from the reals to the positive numbers.
///
/// Where `f` has rounded to 0 or overflowed, the inverse is the number at which it does so.
public struct ExpTransform: Transform {
  /// Makes the transform.
  public init() {}

  /// `exp(x)`; `x` for each element, -inf where `exp(x)` overflows.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let y = exp(x)
    return (y, y.bounding(x))
  }

  /// `log(y)`; out of the domain the log of the smallest or largest number, and -inf.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let domain = Domain(y, (y .> 0) .& (y .<= y.largest))
    let x = log(domain.safe(1))
    let edge = select(y .> 0, y.like(logOf(y.largest)), y.like(logOf(y.smallest)))
    return (domain.result(x, edge: edge), domain.ladj(-x))
  }
}

/// `f(x) = 1 / (1 + exp(-x))`, from the reals to [0, 1].
///
/// Where `f` has rounded to 0 or 1, the inverse is the number at which it does so.
public struct SigmoidTransform: Transform {
  /// Makes the transform.
  public init() {}

  private func ladj(_ x: Tensor) -> Tensor { logSigmoid(x) + logSigmoid(-x) }

  /// `1 / (1 + exp(-x))`; the log of its slope, finite for all finite `x`.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { (sigmoid(x), ladj(x)) }

  /// `log(y / (1 - y))`; outside [0, 1] the edge, and -inf.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let domain = Domain(y, (y .>= 0) .& (y .<= 1))
    let inner = domain.safe(0.5).clamped(y.smallest, 1 - y.roundOff)
    let x = log(inner) - log1p(-inner)
    return (domain.result(x, edge: x), domain.ladj(-ladj(x)))
  }
}

/// `f(x) = tanh(x)`, from the reals to [-1, 1].
///
/// Where `f` has rounded to -1 or 1, the inverse is the number at which it does so.
public struct TanhTransform: Transform {
  /// Makes the transform.
  public init() {}

  /// log(1 - tanh(x)²), even in x.
  private func ladj(_ x: Tensor) -> Tensor {
    let size = abs(x)
    return 2 * (logOf(2) - size - softplus(-2 * size))
  }

  /// `tanh(x)`; the log of its slope, finite for all finite `x`.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { (tanh(x), ladj(x)) }

  /// `atanh(y)`; outside [-1, 1] the edge, and -inf.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let domain = Domain(y, (y .>= -1) .& (y .<= 1))
    let largest = 1 - y.roundOff
    let inner = domain.safe(0).clamped(-largest, largest)
    let x = 0.5 * (log1p(inner) - log1p(-inner))
    return (domain.result(x, edge: x), domain.ladj(-ladj(x)))
  }
}

/// `f(x) = log(1 + exp(x))`, from the reals to the positive numbers.
public struct SoftplusTransform: Transform {
  /// Makes the transform.
  public init() {}

  /// `log(1 + exp(x))`; the log of its slope.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (softplus(x), logSigmoid(x))
  }

  /// `log(exp(y) - 1)`, without overflow; out of the domain the edge, and -inf.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let domain = Domain(y, y .> 0)
    let inner = domain.safe(1)
    let x = inner + log(-expm1(-inner))
    return (domain.result(x, edge: y.like(logOf(y.smallest))), domain.ladj(softplus(-x)))
  }
}

/// `f(x) = x^p` for positive numbers.
public struct PowerTransform: Transform {
  private let exponent: Tensor

  /// Makes the transform; `exponent` is not zero and has the shape of `x`, or one that is broadcast
  /// to it.
  public init(exponent: Tensor) { self.exponent = exponent }

  /// `x^p`; outside the positive numbers 0, and -inf.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { apply(exponent, x) }

  /// `y^(1/p)`; outside the positive numbers 0, and -inf.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { apply(1 / exponent, y) }

  private func apply(_ exponent: Tensor, _ x: Tensor) -> (Tensor, Tensor) {
    let domain = Domain(x, (x .> 0) .& (x .<= x.largest))
    let logs = log(domain.safe(1))
    let y = exp(exponent * logs)
    return (
      domain.result(y, edge: select(x .> 0, select(exponent .> 0, x, x.like(0)), x.like(0))),
      domain.ladj(y.bounding(log(abs(exponent)) + (exponent - 1) * logs))
    )
  }
}

/// `f(x) = sign(x) |x|^exp(α)`.
///
/// At 0, where the slope is 0 or infinite, its log is that at the smallest number.
public struct SignedPowerTransform: Transform {
  private let alpha: Tensor

  /// Makes the transform; `alpha` has the shape of `x`, or one that is broadcast to it.
  public init(alpha: Tensor) { self.alpha = alpha }

  /// `sign(x) |x|^exp(α)`; the log of its slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { apply(alpha, x) }

  /// `sign(y) |y|^exp(-α)`; the log of its slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { apply(-alpha, y) }

  private func apply(_ alpha: Tensor, _ x: Tensor) -> (Tensor, Tensor) {
    let size = abs(x)
    let logs = log(minimum(maximum(size, x.smallest), x.largest))
    // An exponent that does not overflow gives 1 at 1.
    let bounded = minimum(alpha, x.type.dtype == .f64 ? 700 : 80)
    // The sign keeps 0 and NaN.
    let power = sign(x) * exp(exp(bounded) * logs)
    let y = select(size .<= x.largest, power, x)
    return (y, y.bounding(alpha + expm1(bounded) * logs))
  }
}

/// `f(x) = sin(x)`, from [-π/2, π/2] to [-1, 1].
public struct SinTransform: Transform {
  /// Makes the transform.
  public init() {}

  /// `sin(x)`; outside [-π/2, π/2] the edge, and -inf.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    // The float32 nearest to π/2 lies above it, and is inside.
    let edge = x.type.dtype == .f64 ? .pi / 2 : Double(Float(Double.pi / 2))
    let domain = Domain(x, (x .>= -edge) .& (x .<= edge))
    let inner = domain.safe(0)
    return (
      domain.result(sin(inner), edge: select(x .> 0, x.like(1), x.like(-1))),
      domain.ladj(log(abs(cos(inner))))
    )
  }

  /// `asin(y)`; outside [-1, 1] the edge, and -inf.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let domain = Domain(y, (y .>= -1) .& (y .<= 1))
    let inner = domain.safe(0)
    // At an end the slope is infinite: the value does not move with `y`.
    let isWithin = abs(inner) .< 1
    let edge = select(y .> 0, y.like(.pi / 2), y.like(-.pi / 2))
    let x = select(isWithin, asin(select(isWithin, inner, y.like(0))), edge)
    // cos(asin y)² = (1 - y)(1 + y).
    let square = maximum((1 - inner) * (1 + inner), y.roundOff * y.roundOff)
    return (domain.result(x, edge: edge), domain.ladj(-0.5 * log(square)))
  }
}

/// `f(x) = -cos(x)`, from [0, π] to [-1, 1].
public struct CosTransform: Transform {
  /// Makes the transform.
  public init() {}

  /// `-cos(x)`; outside [0, π] the edge, and -inf.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    // The float32 nearest to π lies above it, and is inside.
    let edge = x.type.dtype == .f64 ? .pi : Double(Float(Double.pi))
    let domain = Domain(x, (x .>= 0) .& (x .<= edge))
    let inner = domain.safe(1)
    // At 0 the slope is 0; its log stays finite.
    let slope = maximum(abs(sin(inner)), x.smallest)
    return (
      domain.result(-cos(inner), edge: select(x .> 0, x.like(1), x.like(-1))),
      domain.ladj(log(slope))
    )
  }

  /// `acos(-y)`; outside [-1, 1] the edge, and -inf.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let domain = Domain(y, (y .>= -1) .& (y .<= 1))
    let inner = domain.safe(0)
    // From the nearer end: sin(x / 2)² = (1 + y) / 2, cos(x / 2)² = (1 - y) / 2.
    let isUpper = inner .> 0
    let nearest = select(isUpper, 1 - inner, 1 + inner)
    let isWithin = nearest .> 0
    let half = asin(sqrt(0.5 * select(isWithin, nearest, y.like(1))))
    let x = select(isUpper, .pi - 2 * half, 2 * half)
    let edge = select(y .> 0, y.like(.pi), y.like(0))
    let square = maximum((1 - inner) * (1 + inner), y.roundOff * y.roundOff)
    return (
      domain.result(select(isWithin, x, edge), edge: edge), domain.ladj(-0.5 * log(square))
    )
  }
}

/// `f(x) = x / (1 + |x / B|)`, from the reals to [-B, B].
///
/// Where `f` has rounded to the bound, the inverse is a number at which it does so.
public struct SoftclipTransform: Transform {
  private let bound: Double

  /// Makes the transform onto [-bound, bound].
  public init(bound: Double = 1) { self.bound = bound }

  /// `x / (1 + |x / B|)`; the log of its slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let size = abs(x * (1 / bound))
    let share = 1 / (1 + size)
    // Measured from 0 or from the bound, whichever is nearer, so that derivatives stay accurate.
    let y = select(size .< 1, x * share, sign(x) * (bound - bound * share))
    return (y, -2 * log1p(size))
  }

  /// `y / (1 - |y / B|)`; outside [-B, B] the edge, and -inf.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let domain = Domain(y, abs(y) .<= bound)
    let inner = domain.safe(0)
    let size = (1 - abs(inner / bound)).clamped(y.roundOff, 1)
    let x = inner / size
    return (domain.result(x, edge: x), domain.ladj(-2 * log(size)))
  }
}

/// `f(x) = (x mod 2B) - B`, a rotation of the circle [-B, B] by half its length.
public struct CircularShiftTransform: Transform {
  private let bound: Double

  /// Makes the rotation of the circle [-bound, bound].
  public init(bound: Double = 1) { self.bound = bound }

  private func turned(_ x: Tensor) -> Tensor {
    let turns = floor(x / (2 * bound))
    let place = (x - 2 * bound * turns) - bound
    // Numbers so large that rounding hides their position on the circle are put at an end; infinity is
    // returned unchanged.
    let edge = select(place .> 0, x.like(bound), x.like(-bound))
    return select(abs(place) .<= bound, place, select(abs(x) .<= x.largest, edge, x))
  }

  /// The rotated number; a log-slope of 0 for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { (turned(x), x.like(0)) }

  /// The same rotation, which is its own inverse; a log-slope of 0 for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { (turned(y), y.like(0)) }
}

/// A spline on the circle [-π, π] (Rezende et al., arXiv:2002.02428): `CircularShiftTransform`, then
/// `MonotonicRQSTransform`.
public struct CircularRQSTransform: Transform {
  private let parts: ComposedTransform

  /// Makes the spline from unconstrained widths and heights (shape [*, K]) and derivatives (shape
  /// [*, K - 1]); `slope` is the least slope.
  public init(widths: Tensor, heights: Tensor, derivatives: Tensor, slope: Double = 1e-3) {
    parts = ComposedTransform([
      CircularShiftTransform(bound: .pi),
      MonotonicRQSTransform(
        widths: widths, heights: heights, derivatives: derivatives, bound: .pi, slope: slope),
    ])
  }

  /// The rotation, then the spline.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { parts.callAndLadj(x) }

  /// The spline's inverse, then the rotation.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { parts.inverseAndLadj(y) }
}
