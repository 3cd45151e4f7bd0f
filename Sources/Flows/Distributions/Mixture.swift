/// Several distributions of one shape side by side: the components of a mixture.
///
/// The log-density of a row has one entry for each component, and so has a sample.
public protocol DistributionBatch {
  /// The number of distributions.
  var count: Int { get }
  /// The number of features.
  var features: Int { get }
  /// The log-density of each row `x` [D] under each distribution: [K].
  func logProb(_ x: Tensor) -> Tensor
  /// One sample a row of each distribution: [K, D].
  func sample(seed: Tensor) -> Tensor
}

/// Independent normal features, for each of K components: means [K, D] and deviations [K, D],
/// [K, 1] or [1, D].
public struct DiagNormalBatch: DistributionBatch {
  let loc: Tensor
  let scale: Tensor
  /// The number of components, K.
  public var count: Int { loc.shape[0] }
  /// The number of features, D.
  public var features: Int { loc.shape[1] }

  /// Makes the distributions; both tensors are uniform or have rows.
  public init(loc: Tensor, scale: Tensor) {
    precondition(
      loc.shape.count == 2 && scale.shape.count == 2,
      "loc and scale must be [K, D], found \(loc.shape) and \(scale.shape)")
    self.loc = loc
    self.scale = scale.broadcast(to: Tensor.commonShape(scale.shape, loc.shape))
  }

  /// The log-density of each row under each component, [K].
  public func logProb(_ x: Tensor) -> Tensor {
    let z = (x - loc) / scale
    let constant = Double(features) * 0.9189385332046727  // log(2 pi) / 2
    return -0.5 * square(z).sum(axis: 1) - (log(scale).sum(axis: 1) + constant)
  }

  /// One sample a row of each component, [K, D].
  public func sample(seed: Tensor) -> Tensor {
    loc + scale * seed.trace.random(.normal, shape: [count, features], seed: seed)
  }
}

/// Normal distributions with means [K, D] and lower triangular factors [K, D, D] of the covariances.
public struct MultivariateNormalBatch: DistributionBatch {
  let loc: Tensor
  let scaleTril: Tensor
  /// The number of components, K.
  public var count: Int { loc.shape[0] }
  /// The number of features, D.
  public var features: Int { loc.shape[1] }

  /// Makes the distributions; both tensors are uniform or have rows.
  public init(loc: Tensor, scaleTril: Tensor) {
    precondition(
      loc.shape.count == 2 && scaleTril.shape == loc.shape + [loc.shape[1]],
      "loc must be [K, D] and scaleTril [K, D, D], found \(loc.shape) and \(scaleTril.shape)")
    self.loc = loc
    self.scaleTril = scaleTril
  }

  /// The log-density of each row under each component, [K], by a triangular solution.
  public func logProb(_ x: Tensor) -> Tensor {
    let z = scaleTril.triangularSolve((x - loc).broadcast(to: loc.shape))
    let diagonal = scaleTril.reshaped([count, features * features])
      .gather((0..<features).map { $0 * (features + 1) })
    let constant = Double(features) * 0.9189385332046727  // log(2 pi) / 2
    let density = -0.5 * square(z).sum(axis: 1) - (log(diagonal).sum(axis: 1) + constant)
    return density.zero(whereOverflowing: x)
  }

  /// `loc + L ε` of each component, [K, D].
  public func sample(seed: Tensor) -> Tensor {
    let z = seed.trace.random(.normal, shape: [count, features], seed: seed)
    return loc + scaleTril.lowerTriangle().timesVector(z)
  }
}

/// A normal distribution with a mean [D] and a lower triangular factor [D, D] of its covariance.
public struct MultivariateNormal: Distribution {
  let loc: Tensor
  let scaleTril: Tensor
  /// The number of features, D.
  public var features: Int { loc.shape[0] }

  /// Makes the distribution from the factor, of which the lower triangle is read.
  public init(loc: Tensor, scaleTril: Tensor) {
    precondition(
      loc.shape.count == 1 && scaleTril.shape == [loc.shape[0], loc.shape[0]],
      "loc must be [D] and scaleTril [D, D], found \(loc.shape) and \(scaleTril.shape)")
    self.loc = loc
    self.scaleTril = scaleTril
  }

  /// Makes the distribution from a uniform covariance matrix [D, D].
  public init(loc: Tensor, covariance: Tensor) {
    self.init(loc: loc, scaleTril: covariance.cholesky())
  }

  /// `-½ |L⁻¹ (x - loc)|² - Σ log L_ii - D/2 log 2π`.
  public func logProb(_ x: Tensor) -> Tensor {
    let z = scaleTril.triangularSolve(x - loc)
    let diagonal = scaleTril.reshaped([features * features])
      .gather((0..<features).map { $0 * (features + 1) })
    let constant = Double(features) * 0.9189385332046727  // log(2 pi) / 2
    let density = -0.5 * square(z).sum(axis: 0) - (log(diagonal).sum(axis: 0) + constant)
    return density.zero(whereOverflowing: x)
  }

  /// `loc + L ε` with normal `ε`.
  public func sample(seed: Tensor) -> Tensor {
    let z = seed.trace.random(.normal, shape: [features], seed: seed)
    return loc + scaleTril.lowerTriangle().timesVector(z)
  }
}

/// A mixture of K distributions with weights softmax(logits): log p(x) = logsumexp(log w + log p).
///
/// A sample picks its component by a uniform number; it has no derivative with respect to the
/// logits, as in Zuko.
public struct Mixture: Distribution {
  let base: any DistributionBatch
  let logits: Tensor
  /// The number of features of the components.
  public var features: Int { base.features }

  /// Makes the mixture from unnormalised log-weights [K], uniform or with rows.
  public init(base: any DistributionBatch, logits: Tensor) {
    precondition(
      logits.shape == [base.count],
      "a mixture of \(base.count) distributions needs as many logits, found \(logits.shape)")
    self.base = base
    self.logits = logits
  }

  /// `logsumexp(log w + log p)` over the components.
  public func logProb(_ x: Tensor) -> Tensor {
    (logits.logSoftmax() + base.logProb(x)).logSumExp()
  }

  /// The sample of one component, chosen by a uniform number.
  public func sample(seed: Tensor) -> Tensor {
    let x = base.sample(seed: seed)
    let u = seed.trace.random(.uniform, shape: [], seed: seed)
    let cumulative = exp(logits.logSoftmax()).cumulativeSum()
    // Scaled by the last cumulative sum, which rounding may leave below 1, so that a component of weight
    // 0 is never chosen.
    let index = cumulative.search(u * cumulative.slice(base.count - 1, base.count).reshaped([]))
    let table = x.transposed
    return table.take(index.broadcast(to: [features]))
  }
}
