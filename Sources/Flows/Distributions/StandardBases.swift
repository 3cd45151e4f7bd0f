/// Independent features of Student's distributions with mean 0 and scale 1; one degree of freedom is Cauchy's
/// distribution.
public struct StandardStudentT: Distribution {
  private let df: Tensor
  /// The number of features, D.
  public var features: Int { df.shape[0] }

  /// Makes the distribution from the degrees of freedom [D], above 0.
  public init(df: Tensor) {
    precondition(df.shape.count == 1, "the degrees of freedom must be a vector, found \(df.shape)")
    self.df = df
  }

  /// The sum of `log Γ((ν + 1)/2) - log Γ(ν/2) - log(π ν)/2 - (ν + 1)/2 log(1 + x²/ν)`.
  public func logProb(_ x: Tensor) -> Tensor {
    let half = 0.5 * (df + 1)
    let constant = logGamma(half) - logGamma(0.5 * df) - 0.5 * log(df * .pi)
    return (constant - half * log1pSquare(x / sqrt(df))).sum(axis: 0)
  }

  /// `sqrt(ν (U^(-2/ν) - 1)) cos(2π V)` of uniform numbers `U` and `V` (Bailey, "Polar generation of random
  /// variates with the t-distribution", 1994); radii end at a quarter of the largest number
  /// of the dtype, where the density is above 0 for `ν ≥ 1/16`.
  public func sample(seed: Tensor) -> Tensor {
    let (u, v) = (
      seed.trace.random(.uniform, shape: [features], seed: seed),
      seed.trace.random(.uniform, shape: [features], seed: seed)
    )
    let exponent = -2 * log(u) / df
    // sqrt(e^w - 1) is e^(w/2) sqrt(1 - e^(-w)), which overflows later.
    let radius = sqrt(df * -expm1(-exponent)) * exp(0.5 * exponent)
    return minimum(radius, 0.25 * u.largest) * cos(v * (2 * .pi))
  }
}

/// Independent features of the logistic distribution with mean 0 and scale 1.
public struct StandardLogistic: Distribution {
  /// The number of features, D.
  public let features: Int

  /// Makes the distribution.
  public init(features: Int) { self.features = features }

  /// The sum of `log s(x) + log s(-x)` with the sigmoid `s`, with all digits in both tails.
  public func logProb(_ x: Tensor) -> Tensor {
    (logSigmoid(x) + logSigmoid(-x)).broadcast(to: [features]).sum(axis: 0)
  }

  /// The inverse of the sigmoid at uniform numbers.
  public func sample(seed: Tensor) -> Tensor {
    let u = seed.trace.random(.uniform, shape: [features], seed: seed)
    return log(u) - log1p(-u)
  }
}

/// Independent features of Laplace's distribution with mean 0 and scale 1.
public struct StandardLaplace: Distribution {
  /// The number of features, D.
  public let features: Int

  /// Makes the distribution.
  public init(features: Int) { self.features = features }

  /// The sum of `-|x| - log 2`.
  public func logProb(_ x: Tensor) -> Tensor {
    let constant = Double(features) * 0.6931471805599453  // log 2
    return -abs(x).broadcast(to: [features]).sum(axis: 0) - constant
  }

  /// The quantile of uniform numbers, `log 2u` below the middle and `-log 2(1 - u)` above.
  public func sample(seed: Tensor) -> Tensor {
    let u = seed.trace.random(.uniform, shape: [features], seed: seed)
    return select(u .< 0.5, log(2 * u), -log(2 * (1 - u)))
  }
}

/// Independent features of Gumbel's distribution with location 0 and scale 1.
public struct StandardGumbel: Distribution {
  /// The number of features, D.
  public let features: Int

  /// Makes the distribution.
  public init(features: Int) { self.features = features }

  /// The sum of `-x - exp(-x)`.
  public func logProb(_ x: Tensor) -> Tensor {
    (-x - exp(-x)).broadcast(to: [features]).sum(axis: 0)
  }

  /// `-log(-log U)` of uniform numbers.
  public func sample(seed: Tensor) -> Tensor {
    -log(-log(seed.trace.random(.uniform, shape: [features], seed: seed)))
  }
}
