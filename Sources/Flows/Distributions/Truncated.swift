/// A distribution of single numbers cut to `lower <= x < upper` and rescaled.
///
/// If both bounds lie in the upper tail, the probabilities above them are used, which keeps precision far
/// out in the tail. Where the probability between the bounds is too small for the float type (13
/// deviations from a normal's mean in float32, 37 in float64), densities and samples are NaN.
public struct Truncated: ScalarDistribution {
  private let base: any ScalarDistribution
  private let lower: Tensor
  private let upper: Tensor
  /// The base's probabilities below and above the two bounds.
  private let below: (lower: Tensor, upper: Tensor)
  private let above: (lower: Tensor, upper: Tensor)
  /// The shape to which the base's parameters and the bounds broadcast.
  public var shape: [Int] {
    Tensor.commonShape(base.shape, Tensor.commonShape(lower.shape, upper.shape))
  }

  /// Makes the distribution; bounds may be infinite.
  public init(_ base: any ScalarDistribution, lower: Tensor, upper: Tensor) {
    self.base = base
    self.lower = lower
    self.upper = upper
    below = base.tails(lower)
    above = base.tails(upper)
  }

  /// Makes the distribution with bounds that are plain numbers; it is made within a trace.
  public init(
    _ base: any ScalarDistribution, lower: Double = -.infinity, upper: Double = .infinity
  ) {
    guard let trace = Trace.current else {
      preconditionFailure("a distribution is made within a trace")
    }
    self.init(base, lower: trace.constant(lower), upper: trace.constant(upper))
  }

  /// The probability between the bounds; NaN if it underflows.
  private var total: Tensor {
    let mass = Self.mass(below, above)
    return select(mass .> 0, mass, mass.like(.nan))
  }

  /// The base's probability between two points, given their tails.
  private static func mass(
    _ a: (lower: Tensor, upper: Tensor), _ b: (lower: Tensor, upper: Tensor)
  ) -> Tensor {
    select(a.lower .< a.upper, b.lower - a.lower, a.upper - b.upper)
  }

  /// The base's log-density minus the log of the kept probability; -inf outside.
  public func logProb(_ x: Tensor) -> Tensor {
    let inside = (x .>= lower) .& (x .< upper)
    let density = base.logProb(x) - log(total)
    return select(isNaN(x), x, select(inside, density, x.like(-Double.infinity)))
  }

  /// The shares of the kept probability below and above.
  public func tails(_ x: Tensor) -> (lower: Tensor, upper: Tensor) {
    let here = base.tails(minimum(maximum(x, lower), upper))
    return (Self.mass(below, here) / total, Self.mass(here, above) / total)
  }

  /// The base's quantile at the probabilities within the cut.
  public func quantile(lower p: Tensor, upper q: Tensor) -> Tensor {
    let x = base.quantile(lower: below.lower + p * total, upper: above.upper + q * total)
    // The upper bound is outside.
    return minimum(maximum(x, lower), upper.lowered)
  }
}

/// The distribution of a number whose transform is uniform on `[f(lower), f(upper))`.
public struct TransformedUniform: ScalarDistribution {
  private let transform: any Transform
  private let lower: Tensor
  private let upper: Tensor
  private let base: Uniform
  /// The shape of the bounds.
  public var shape: [Int] { base.shape }

  /// Makes the distribution.
  ///
  /// - Parameters:
  ///   - transform: acts on each element alone and increases from `lower` to `upper`.
  ///   - lower: the least number.
  ///   - upper: the end of the numbers.
  public init(_ transform: any Transform, lower: Tensor, upper: Tensor) {
    self.transform = transform
    self.lower = lower
    self.upper = upper
    base = Uniform(lower: transform(lower), upper: transform(upper))
  }

  /// The log-density of the uniform number plus the log of the transform's slope; -inf outside.
  public func logProb(_ x: Tensor) -> Tensor {
    // The transform may be undefined outside the bounds. Numbers are compared with the bounds themselves,
    // because the transform of a number inside may round to that of a bound.
    let inside = (x .>= lower) .& (x .< upper)
    let ladj = transform.callAndLadj(x).ladj
    let density = ladj - log(transform(upper) - transform(lower))
    return select(isNaN(x), x, select(inside, density, x.like(-Double.infinity)))
  }

  /// The shares of the interval below and above the transform of a number.
  public func tails(_ x: Tensor) -> (lower: Tensor, upper: Tensor) { base.tails(transform(x)) }

  /// The inverse of the number in the interval.
  public func quantile(lower: Tensor, upper: Tensor) -> Tensor {
    let x = transform.inverse(base.quantile(lower: lower, upper: upper))
    return minimum(maximum(x, self.lower), self.upper.lowered)
  }
}
