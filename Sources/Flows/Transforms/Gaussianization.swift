/// The quantile of a mixture of normals (Chen and Gopinath, "Gaussianization", 2000; Meng et al.,
/// arXiv:2003.01941): `f(x) = Φ⁻¹(1/K Σ_i Φ(exp(a_i) x + b_i))`.
///
/// As in Zuko the probability is shrunk towards 1/2 by a factor of 1 - 1e-6, so that values lie within 4.9 of
/// zero; the inverse of a value beyond the limit is the inverse of the limit. Both tails are summed with all their
/// digits, and the log of the slope is a log-sum-exp.
public struct GaussianizationTransform: Transform {
  private let shift: Tensor
  private let logScale: Tensor
  private static let share = 1e-6
  /// Φ⁻¹(1 - share / 2), which values approach.
  private static let limit = 4.891638475698590

  /// Makes the transform from the shifts `b` and the logs of the scales `a`, both [*, K], where [*] is
  /// the shape of `x`.
  public init(shift: Tensor, scale: Tensor) {
    self.shift = shift
    // With more extreme scales a component is a step or flat, and 0 times infinity would give NaN.
    logScale = scale.clamped(-60, 60)
  }

  /// `(exp(a_i) x + b_i) / √2`, whose square is kept from overflowing, which would make derivatives 0 times infinity.
  private func scaled(_ x: Tensor) -> Tensor {
    let factor = (0.5).squareRoot()
    return (x.expandedLast() * (exp(logScale) * factor) + shift * factor).clamped(-1e18, 1e18)
  }

  private func value(_ x: Tensor) -> Tensor {
    let z = scaled(x)
    let count = Double(logScale.shape.last ?? 1)
    let keep = (1 - Self.share) / count
    let lower = erfc(-z).sum(axis: -1) * (0.5 * keep) + 0.5 * Self.share
    let upper = erfc(z).sum(axis: -1) * (0.5 * keep) + 0.5 * Self.share
    // The difference of both would lose the digits of a small x.
    let middle = erf(z).sum(axis: -1) * (0.5 * keep)
    return NormalQuantile.value(middle: middle, lower: lower, upper: upper)
  }

  private func ladj(_ x: Tensor, _ y: Tensor) -> Tensor {
    let z = scaled(x)
    let count = Double(logScale.shape.last ?? 1)
    let terms = logScale - square(z)
    return terms.logSumExp() + 0.5 * square(y) + logOf((1 - Self.share) / count)
  }

  /// The normal quantile of the mixture's probability; the log of its slope, with all digits in
  /// both tails.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let y = value(x)
    return (y, ladj(x, y))
  }

  /// The root; the negative log of the slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let largest = Self.limit * (1 - 16 * y.roundOff)
    let target = y.clamped(-largest, largest)
    let x = target.monotoneRoot(slope: { exp(ladj($0, value($0))) }, of: value)
    return (x, -ladj(x, value(x)))
  }
}

/// Φ⁻¹ by rational functions: in float64 those of Wichura ("Algorithm AS 241", Applied Statistics 37, 1988,
/// pp. 477-484), of 16 digits; in float32 shorter ones of the same arguments, minimax fits whose error of 5e-9 in the
/// middle and 1.6e-8 in the tails is less than a rounding.
enum NormalQuantile {
  /// The quotient of two polynomials, by their coefficients from the constant term on.
  private struct Rational {
    let numerator: [Double]
    let denominator: [Double]

    func callAsFunction(_ x: Tensor) -> Quotient {
      Quotient(numerator: polynomial(numerator, x), denominator: polynomial(denominator, x))
    }
  }

  /// A division that waits until it is known which of several is wanted.
  private struct Quotient {
    var numerator: Tensor
    let denominator: Tensor

    static func select(_ condition: Tensor, _ a: Quotient, _ b: Quotient) -> Quotient {
      Quotient(
        numerator: Flows.select(condition, a.numerator, b.numerator),
        denominator: Flows.select(condition, a.denominator, b.denominator))
    }
  }

  private static let middle = Rational(
    numerator: [
      3.3871328727963666080, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
      1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
      3.3430575583588128105e+4, 2.5090809287301226727e+3,
    ],
    denominator: [
      1, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
      2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
      5.2264952788528545610e+3,
    ])
  private static let tail = Rational(
    numerator: [
      1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550,
      3.64784832476320460504, 1.27045825245236838258, 2.41780725177450611770e-1,
      2.27238449892691845833e-2, 7.74545014278341407640e-4,
    ],
    denominator: [
      1, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
      1.48103976427480074590e-1, 1.51986665636165571966e-2, 5.47593808499534494600e-4,
      1.05075007164441684324e-9,
    ])
  private static let far = Rational(
    numerator: [
      6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580,
      2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
      2.71155556874348757815e-5, 2.01033439929228813265e-7,
    ],
    denominator: [
      1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
      7.86869131461613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
      2.04426310338993978564e-15,
    ])
  private static let shortMiddle = Rational(
    numerator: [3.387132858, 58.81406511, 246.9821856, 174.8836138, -26.41433988],
    denominator: [1, 20.36921867, 112.0758212, 147.3286672])
  private static let shortTail = Rational(
    numerator: [1.42343714, 2.856503048, 1.469662946, 0.2138234279, -2.886806426e-05],
    denominator: [1, 0.807029674, 0.1506986026])

  /// Φ⁻¹(p), from p - 1/2, p and 1 - p; the smaller of the last two may be below exp(-25) only with
  /// `hasFarTails`.
  static func value(
    middle: Tensor, lower: Tensor, upper: Tensor, hasFarTails: Bool = false
  ) -> Tensor {
    let isDouble = middle.type.dtype == .f64
    let isMiddle = abs(middle) .<= 0.425
    let q = select(isMiddle, middle, middle.like(0))
    let r = 0.180625 - square(q)
    var inner = (isDouble ? Self.middle : shortMiddle)(r)
    inner.numerator = inner.numerator * q
    let tail = select(isMiddle, middle.like(0.05), minimum(lower, upper))
    let smallest = isDouble ? 1e-300 : 1e-37
    let root = sqrt(-log(hasFarTails ? maximum(tail, smallest) : tail))
    let s = (hasFarTails ? minimum(root, 5) : root) - 1.6
    var size = (isDouble ? Self.tail : shortTail)(s)
    if hasFarTails {
      let f = maximum(root, 5) - 5
      size = .select(root .> 5, far(f), size)
      size.numerator = select(tail .> 0, size.numerator, size.numerator.like(.infinity))
    }
    size.numerator = select(middle .< 0, -size.numerator, size.numerator)
    let result = Quotient.select(isMiddle, inner, size)
    return result.numerator / result.denominator
  }

  private static func polynomial(_ coefficients: [Double], _ x: Tensor) -> Tensor {
    let last = coefficients.count - 1
    return (0..<last).reversed().reduce(x.like(coefficients[last])) {
      $0 * x + coefficients[$1]
    }
  }
}
