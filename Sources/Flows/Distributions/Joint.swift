/// Independent distributions side by side: their vectors are concatenated.
public struct Joint: Distribution {
  private let marginals: [any Distribution]
  public var features: Int { marginals.reduce(0) { $0 + $1.features } }

  /// Makes the distribution of the concatenation.
  public init(_ marginals: [any Distribution]) {
    precondition(!marginals.isEmpty, "a joint distribution needs at least one marginal")
    self.marginals = marginals
  }

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

  public func sample(seed: Tensor) -> Tensor {
    Tensor.concatenate(marginals.map { $0.sample(seed: seed) })
  }

  public func sampleAndLogProb(seed: Tensor) -> (x: Tensor, logProb: Tensor) {
    let parts = marginals.map { $0.sampleAndLogProb(seed: seed) }
    let total = parts.dropFirst().reduce(parts[0].logProb) { $0 + $1.logProb }
    return (Tensor.concatenate(parts.map(\.x)), total)
  }
}
