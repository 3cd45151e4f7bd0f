/// A distribution of single numbers, one for each element of its parameters.
///
/// Probabilities come in pairs, P(X ≤ x) and P(X > x), so that both tails keep their relative precision.
public protocol ScalarDistribution {
  /// The shape of the parameters, which broadcasts with that of the values.
  var shape: [Int] { get }
  /// The log-density of each element, in nats; -inf outside the support.
  func logProb(_ x: Tensor) -> Tensor
  /// P(X ≤ x) and P(X > x) for each element.
  func tails(_ x: Tensor) -> (lower: Tensor, upper: Tensor)
  /// The quantile for probabilities below and above it, which sum to one.
  func quantile(lower: Tensor, upper: Tensor) -> Tensor
}

extension ScalarDistribution {
  /// P(X ≤ x).
  public func cdf(_ x: Tensor) -> Tensor { tails(x).lower }

  /// The quantile at the probability `p`.
  public func icdf(_ p: Tensor) -> Tensor { quantile(lower: p, upper: 1 - p) }

  /// One number a row for each element of `shape`, drawn by the quantile of a uniform number, which is
  /// exact and has a derivative with respect to the parameters.
  public func sample(seed: Tensor, shape: [Int]) -> Tensor {
    let u = seed.trace.random(.uniform, shape: shape, seed: seed)
    return quantile(lower: u, upper: 1 - u)
  }

  /// One number a row for each element of the parameters.
  public func sample(seed: Tensor) -> Tensor { sample(seed: seed, shape: shape) }
}

/// Normal distributions of single numbers.
public struct Normal: ScalarDistribution {
  private let loc: Tensor
  private let scale: Tensor
  /// The shape to which means and deviations broadcast.
  public var shape: [Int] { Tensor.commonShape(loc.shape, scale.shape) }

  /// Makes the distribution from means and deviations.
  public init(loc: Tensor, scale: Tensor) {
    self.loc = loc
    self.scale = scale
  }

  /// `-½ ((x - loc) / scale)² - log scale - ½ log 2π` for each element.
  public func logProb(_ x: Tensor) -> Tensor {
    -0.5 * square((x - loc) / scale) - (log(scale) + 0.9189385332046727)  // log(2 pi) / 2
  }

  /// Complementary error functions on both sides.
  public func tails(_ x: Tensor) -> (lower: Tensor, upper: Tensor) {
    let z = (x - loc) / scale * (0.5).squareRoot()
    return (0.5 * erfc(-z), 0.5 * erfc(z))
  }

  /// `loc + scale Φ⁻¹`, from the smaller probability.
  public func quantile(lower: Tensor, upper: Tensor) -> Tensor {
    let middle = select(lower .< upper, lower - 0.5, 0.5 - upper)
    return loc + scale
      * NormalQuantile.value(
        middle: middle, lower: lower, upper: upper, hasFarTails: true)
  }

  /// `loc + scale ε` with normal `ε`.
  public func sample(seed: Tensor, shape: [Int]) -> Tensor {
    loc + scale * seed.trace.random(.normal, shape: shape, seed: seed)
  }
}

/// Uniform distributions of single numbers, `lower <= x < upper`.
public struct Uniform: ScalarDistribution {
  private let lower: Tensor
  private let upper: Tensor
  /// The shape to which the bounds broadcast.
  public var shape: [Int] { Tensor.commonShape(lower.shape, upper.shape) }

  /// Makes the distribution from its bounds.
  public init(lower: Tensor, upper: Tensor) {
    self.lower = lower
    self.upper = upper
  }

  /// `-log(upper - lower)` inside, -inf outside.
  public func logProb(_ x: Tensor) -> Tensor {
    let inside = (x .>= lower) .& (x .< upper)
    return select(
      isNaN(x), x, select(inside, -log(upper - lower), x.like(-Double.infinity)))
  }

  /// The shares of the interval below and above.
  public func tails(_ x: Tensor) -> (lower: Tensor, upper: Tensor) {
    let width = upper - lower
    let below = minimum(maximum((x - lower) / width, 0), 1)
    let above = minimum(maximum((upper - x) / width, 0), 1)
    return (below, above)
  }

  /// The place in the interval, measured from the nearer bound.
  public func quantile(lower p: Tensor, upper q: Tensor) -> Tensor {
    // From the nearer bound; rounding must not lead to the upper one, which is outside.
    minimum(
      select(p .< q, lower + (upper - lower) * p, upper - (upper - lower) * q), upper.lowered)
  }
}

/// Independent features from a distribution of single numbers.
public struct Independent: Distribution {
  private let base: any ScalarDistribution
  /// The number of features, D.
  public let features: Int

  /// Makes a distribution of vectors.
  ///
  /// - Parameters:
  ///   - base: the distribution of each feature.
  ///   - features: how many there are, if the parameters are shared by all; nil if these have one
  ///     entry a feature.
  public init(_ base: any ScalarDistribution, features: Int? = nil) {
    precondition(
      base.shape.count == 1 || (base.shape.isEmpty && features != nil),
      "independent features need parameters [D], or scalars and a number of features")
    self.base = base
    self.features = features ?? base.shape[0]
  }

  /// The sum of the features' log-densities.
  public func logProb(_ x: Tensor) -> Tensor {
    base.logProb(x).broadcast(to: [features]).sum(axis: 0)
  }

  /// A draw of each feature.
  public func sample(seed: Tensor) -> Tensor { base.sample(seed: seed, shape: [features]) }
}
