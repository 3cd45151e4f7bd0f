/// A probability distribution over row vectors, built in a trace.
public protocol Distribution {
  /// The number of features.
  var features: Int { get }
  /// The log-density of each row, in nats: a row scalar.
  func logProb(_ x: Tensor) -> Tensor
  /// One sample for each row, drawn with counter-based random numbers from a seed (2 x i32).
  func sample(seed: Tensor) -> Tensor
  /// One sample a row and its log-density, from one pass.
  func sampleAndLogProb(seed: Tensor) -> (x: Tensor, logProb: Tensor)
}

extension Distribution {
  /// The same as `sample`, under Zuko's name for differentiable samples. All samples are differentiable,
  /// except with respect to the weights of a mixture.
  public func rsample(seed: Tensor) -> Tensor { sample(seed: seed) }

  /// The same as `sampleAndLogProb`, under Zuko's name.
  public func rsampleAndLogProb(seed: Tensor) -> (x: Tensor, logProb: Tensor) {
    sampleAndLogProb(seed: seed)
  }

  /// One sample a row and its log-density, by `sample` and `logProb`.
  public func sampleAndLogProb(seed: Tensor) -> (x: Tensor, logProb: Tensor) {
    let x = sample(seed: seed)
    return (x, logProb(x))
  }
}

/// Independent normal features with given means and deviations.
public struct DiagNormal: Distribution {
  let loc: Tensor
  let scale: Tensor
  /// The number of features, D.
  public let features: Int

  /// Makes the distribution; both tensors have the shape [features], uniform or with rows.
  public init(loc: Tensor, scale: Tensor) {
    precondition(
      loc.shape.count == 1 && loc.shape == scale.shape,
      "loc and scale must be vectors of one size, found \(loc.shape) and \(scale.shape)")
    self.loc = loc
    self.scale = scale
    features = loc.shape[0]
  }

  /// `-½ Σ ((x - loc) / scale)² - Σ log scale - D/2 log 2π`.
  public func logProb(_ x: Tensor) -> Tensor {
    let z = (x - loc) * (1 / scale)
    let constant = Double(features) * 0.9189385332046727  // log(2 pi) / 2
    return -0.5 * square(z).sum(axis: 0) - (log(scale).sum(axis: 0) + constant)
  }

  /// `loc + scale ε` with normal `ε`.
  public func sample(seed: Tensor) -> Tensor {
    loc + scale * seed.trace.random(.normal, shape: [features], seed: seed)
  }
}

/// The uniform distribution on a box, `lower <= x < upper` in each feature.
public struct BoxUniform: Distribution {
  let lower: Tensor
  let upper: Tensor
  /// The number of features, D.
  public let features: Int

  /// Makes the distribution; both tensors have the shape [features].
  public init(lower: Tensor, upper: Tensor) {
    self.lower = lower
    self.upper = upper
    features = lower.shape[0]
  }

  /// `-Σ log(upper - lower)` inside the box, -inf outside.
  public func logProb(_ x: Tensor) -> Tensor {
    let inside = (x .>= lower) .& (x .< upper)
    let perFeature = select(inside, -log(upper - lower), x.like(-Double.infinity))
    return select(isNaN(x), x, perFeature).sum(axis: 0)
  }

  /// `lower + (upper - lower) u` with uniform `u`.
  public func sample(seed: Tensor) -> Tensor {
    let u = seed.trace.random(.uniform, shape: [features], seed: seed)
    // Rounding must not reach the upper bound, which is excluded.
    return minimum(lower + (upper - lower) * u, upper.lowered)
  }
}

extension Tensor {
  /// A log-density, but -inf where the vector is infinite, and where it is so large that numbers computed from it
  /// overflowed and left NaN: an element's square is not a number of the dtype any more.
  func zero(whereOverflowing x: Tensor) -> Tensor {
    let size = abs(x).max(axis: 0)
    let isLost = isNaN(self) .& (size .> x.largest.squareRoot())
    return select((size .>= Double.infinity) .| isLost, like(-Double.infinity), self)
  }
}

/// The distribution of `x = f⁻¹(z)` with `z` from a base: log p(x) = log p_base(f(x)) +
/// log|det df/dx|.
public struct NormalizingFlow: Distribution {
  /// The transform from data to the base.
  public let transform: any Transform
  /// The distribution of `z`.
  public let base: any Distribution
  /// The number of features of the base.
  public var features: Int { base.features }

  /// Makes the distribution.
  public init(transform: any Transform, base: any Distribution) {
    self.transform = transform
    self.base = base
  }

  /// `log p_base(f(x)) + log|det df/dx|`; -inf where the base's density is zero, whatever the
  /// log-determinant, for infinite rows, and for rows whose numbers overflow the flow's arithmetic.
  public func logProb(_ x: Tensor) -> Tensor {
    let (z, ladj) = transform.callAndLadj(x)
    let density = base.logProb(z)
    let total = density + ladj.sumOfElements()
    return select(density .<= -Double.infinity, density, total).zero(whereOverflowing: x)
  }

  /// `f⁻¹(z)` with `z` from the base.
  public func sample(seed: Tensor) -> Tensor { transform.inverse(base.sample(seed: seed)) }

  /// `f⁻¹(z)` and `log p_base(z) - log|det df⁻¹/dz|`, from one pass.
  public func sampleAndLogProb(seed: Tensor) -> (x: Tensor, logProb: Tensor) {
    let (z, logProb) = base.sampleAndLogProb(seed: seed)
    let (x, ladj) = transform.inverseAndLadj(z)
    // A log-determinant of -inf means that no x is mapped to z, so the density is zero.
    let total = ladj.sumOfElements()
    let isZero = total .<= -Double.infinity
    return (x, select(isZero, total, logProb - total))
  }
}
