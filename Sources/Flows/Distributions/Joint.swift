/// Independent distributions side by side: their vectors are concatenated.
public struct Joint: Distribution {
  private let marginals: [any Distribution]
  /// The sum of the marginals' features.
  public var features: Int { marginals.reduce(0) { $0 + $1.features } }

  /// Makes the distribution of the concatenation.
  public init(_ marginals: [any Distribution]) {
    precondition(!marginals.isEmpty, "a joint distribution needs at least one marginal")
    self.marginals = marginals
  }

  /// The sum of the marginals' log-densities of their parts.
  public func logProb(_ x: Tensor) -> Tensor {
    var start = 0
    var total: Tensor?
    for marginal in marginals {
      let part = marginal.logProb(x.slice(start, start + marginal.features))
      total = total.map { $0 + part } ?? part
      start += marginal.features
    }
    return total ?? x.trace.constant(0)
  }

  /// The marginals' samples, concatenated.
  public func sample(seed: Tensor) -> Tensor {
    Tensor.concatenate(marginals.map { $0.sample(seed: seed) })
  }

  /// The marginals' samples, concatenated, and the sum of their log-densities.
  public func sampleAndLogProb(seed: Tensor) -> (x: Tensor, logProb: Tensor) {
    let parts = marginals.map { $0.sampleAndLogProb(seed: seed) }
    let total = parts.dropFirst().reduce(parts[0].logProb) { $0 + $1.logProb }
    return (Tensor.concatenate(parts.map(\.x)), total)
  }
}
