/// A mixture of K distributions of any kinds with weights softmax(logits): log p(x) = logsumexp(log w + log p).
///
/// A density costs the densities of all distributions. A sample costs a sample of each and their densities there,
/// since every row runs the same operations; the random numbers are drawn once where distributions draw the same.
/// A sample is that of one distribution alone with the same seed, row for row, as often as its weight says. It has
/// no derivative with respect to the logits.
///
/// For components of one kind, whose parameters are stacked, `Mixture` is faster.
public struct Alternatives: Distribution {
  private let distributions: [any Distribution]
  private let logits: Tensor
  /// The number of features of the distributions.
  public var features: Int { distributions[0].features }

  /// Makes the mixture of at least one distribution, all with as many features, from unnormalised log-weights [K],
  /// uniform or with rows.
  public init(_ distributions: [any Distribution], logits: Tensor) {
    let features = Set(distributions.map(\.features))
    precondition(
      features.count == 1,
      "a mixture needs distributions of one number of features, found \(features.sorted())")
    precondition(
      logits.shape == [distributions.count],
      "a mixture of \(distributions.count) needs as many logits, found \(logits.shape)")
    self.distributions = distributions
    self.logits = logits
  }

  /// The log-densities of all distributions, [K].
  private func each(_ x: Tensor) -> Tensor {
    Tensor.concatenate(distributions.map { $0.logProb(x).reshaped([1]) })
  }

  /// `logsumexp(log w + log p)` over the distributions.
  public func logProb(_ x: Tensor) -> Tensor {
    if distributions.count == 1 { return distributions[0].logProb(x) }
    return (logits.logSoftmax() + each(x)).logSumExp()
  }

  /// The sample of one distribution, chosen by a uniform number.
  public func sample(seed: Tensor) -> Tensor { draw(seed: seed).x }

  /// The sample of one distribution, chosen by a uniform number, and `logsumexp(log w + log p)` there. The density
  /// of the chosen one is that of its own sample.
  public func sampleAndLogProb(seed: Tensor) -> (x: Tensor, logProb: Tensor) {
    let (x, own, chosen) = draw(seed: seed)
    guard let chosen else { return (x, own) }
    let count = distributions.count
    let places = seed.trace.constant((0..<count).map(Double.init), shape: [count])
    let isChosen = places .== chosen.reshaped([1]).broadcast(to: [count])
    let densities = select(isChosen, own.reshaped([1]).broadcast(to: [count]), each(x))
    return (x, (logits.logSoftmax() + densities).logSumExp())
  }

  /// A sample, its log-density under the distribution that it is of, and which one that is, as a float; nil if
  /// there is only one.
  private func draw(seed: Tensor) -> (x: Tensor, own: Tensor, chosen: Tensor?) {
    let count = distributions.count
    let draws = seed.trace.alternatives(distributions) { $0.sampleAndLogProb(seed: seed) }
    if count == 1 { return (draws[0].x, draws[0].logProb, nil) }
    let u = seed.trace.random(.uniform, shape: [], seed: seed)
    let cumulative = exp(logits.logSoftmax()).cumulativeSum()
    // Scaled by the last cumulative sum, which rounding may leave below 1, so that a distribution of weight 0 is
    // never chosen.
    let index = cumulative.search(u * cumulative.slice(count - 1, count).reshaped([]))
    let table = Tensor.concatenate(draws.map { $0.x.reshaped([features, 1]) }, axis: 1)
    let own = Tensor.concatenate(draws.map { $0.logProb.reshaped([1]) })
    return (
      table.take(index.broadcast(to: [features])), own.take(index),
      index.converted(to: seed.trace.dtype)
    )
  }
}
