/// Normal distributions with means [K, D] and upper triangular factors `A` [K, D, D] of the precisions
/// `AᵀA`: the components of sbi's mixture density networks.
///
/// As there, `epsilon` is added to the diagonal of the precision in the exponent, but neither in the
/// normalisation nor in samples.
public struct PrecisionNormalBatch: DistributionBatch {
  let loc: Tensor
  let factor: Tensor
  let epsilon: Double
  /// The number of components, K.
  public var count: Int { loc.shape[0] }
  /// The number of features, D.
  public var features: Int { loc.shape[1] }

  /// Makes the distributions; both tensors are uniform or have rows, and what is below the diagonal of a
  /// factor is 0.
  public init(loc: Tensor, factor: Tensor, epsilon: Double = 0) {
    precondition(
      loc.shape.count == 2 && factor.shape == loc.shape + [loc.shape[1]],
      "loc must be [K, D] and factor [K, D, D], found \(loc.shape) and \(factor.shape)")
    self.loc = loc
    self.factor = factor
    self.epsilon = epsilon
  }

  /// The log-density of each row under each component, [K].
  public func logProb(_ x: Tensor) -> Tensor {
    let distance = (x - loc).broadcast(to: loc.shape)
    let z = factor.timesVector(distance)
    let energy = square(z).sum(axis: 1) + epsilon * square(distance).sum(axis: 1)
    let diagonal = factor.reshaped([count, features * features])
      .gather((0..<features).map { $0 * (features + 1) })
    let constant = Double(features) * 0.9189385332046727  // log(2 pi) / 2
    let density = -0.5 * energy + (log(diagonal).sum(axis: 1) - constant)
    return density.zero(whereOverflowing: x)
  }

  /// `loc + A⁻¹ ε` of each component, [K, D].
  public func sample(seed: Tensor) -> Tensor {
    let z = seed.trace.random(.normal, shape: [count, features], seed: seed)
    return loc + factor.triangularSolve(z, upper: true)
  }
}
