/// A density whose feature i is a mixture of normal distributions that depend on the features before it.
public struct AutoregressiveMixture: Distribution {
  /// The number of features, D.
  public let features: Int
  private let components: Int
  private let epsilon: Double
  private let parameters: (Tensor) -> Tensor

  /// Makes the distribution.
  ///
  /// - Parameters:
  ///   - features: the number of features.
  ///   - components: the number K of components of each feature.
  ///   - epsilon: what is added to deviations after a softplus.
  ///   - parameters: gives for features [D] the numbers [D * K * 3]: for each component a logit, a mean
  ///     and an unconstrained deviation, which depend on earlier features alone.
  public init(
    features: Int, components: Int, epsilon: Double = 1e-2, parameters: @escaping (Tensor) -> Tensor
  ) {
    self.features = features
    self.components = components
    self.epsilon = epsilon
    self.parameters = parameters
  }

  private struct Parts {
    let logWeights, loc, scale: Tensor

    /// The log-density, summed over the features.
    func logProb(_ x: Tensor) -> Tensor {
      let z = (x.expandedLast() - loc) / scale
      let constant = 0.9189385332046727  // log(2 pi) / 2
      let terms = logWeights - (0.5 * square(z) + log(scale) + constant)
      return terms.logSumExp(axis: 1).sum(axis: 0).zero(whereOverflowing: x)
    }
  }

  private func parts(_ x: Tensor) -> Parts {
    let table = parameters(x).reshaped([features, components, 3])
    func column(_ index: Int) -> Tensor {
      table.slice(index, index + 1, axis: 2).reshaped([features, components])
    }
    return Parts(
      logWeights: column(0).logSoftmax(axis: 1), loc: column(1),
      scale: softplus(column(2)) + epsilon)
  }

  /// The sum over the features of `logsumexp(log w + log p)`.
  public func logProb(_ x: Tensor) -> Tensor { parts(x).logProb(x) }

  /// One sample a row, feature after feature.
  public func sample(seed: Tensor) -> Tensor { sampleAndLogProb(seed: seed).x }

  /// One sample a row and its log-density: a uniform number picks each feature's component.
  public func sampleAndLogProb(seed: Tensor) -> (x: Tensor, logProb: Tensor) {
    let z = seed.trace.random(.normal, shape: [features], seed: seed)
    let u = seed.trace.random(.uniform, shape: [features], seed: seed)
    let (x, logProb) = Tensor.autoregressiveInverse(
      z.type.with(hasRows: true), passes: features, in: seed.trace
    ) { x in
      let parts = parts(x)
      let cumulative = exp(parts.logWeights).cumulativeSum()
      let last = cumulative.slice(components - 1, components).reshaped([features])
      let index = cumulative.search(u * last)
      return (parts.loc.take(index) + parts.scale.take(index) * z, parts.logProb(x))
    }
    return (x, logProb)
  }
}
