/// Distributions of any kinds, one after the other, as the components of a mixture:
///
///     Mixture(
///       base: DistributionList([
///         BoxUniform(lower: low, upper: high), DiagNormal(loc: loc, scale: scale),
///       ]), logits: logits)
public struct DistributionList: DistributionBatch {
  private let distributions: [any Distribution]
  /// The number of distributions.
  public var count: Int { distributions.count }
  /// The number of features, which is the same for all.
  public let features: Int

  /// Makes the list; at least one distribution, all with as many features.
  public init(_ distributions: [any Distribution]) {
    let features = Set(distributions.map(\.features))
    guard let common = features.first, features.count == 1 else {
      preconditionFailure(
        "the distributions of a list need one number of features, found \(features.sorted())")
    }
    self.distributions = distributions
    self.features = common
  }

  /// The log-density of each row under each distribution, [K].
  public func logProb(_ x: Tensor) -> Tensor {
    Tensor.concatenate(distributions.map { $0.logProb(x).reshaped([1]) })
  }

  /// One sample a row of each distribution, [K, D].
  public func sample(seed: Tensor) -> Tensor {
    Tensor.concatenate(
      distributions.map { $0.sample(seed: seed).reshaped([1, features]) }, axis: 0)
  }
}
