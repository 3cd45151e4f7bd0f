/// Densities proportional to `exp(-|x|^β)` (Nadarajah, "A generalized normal distribution", Journal of
/// Applied Statistics 32, 2005): β = 2 is normal with deviation 1/√2, β = 1 is Laplace's, a large β
/// comes near the uniform distribution on [-1, 1].
public struct GeneralizedNormal: ScalarDistribution {
  private let beta: Tensor
  /// The shape of β.
  public var shape: [Int] { beta.shape }

  /// Makes the distribution from the shape parameter β > 0.
  public init(beta: Tensor) { self.beta = beta }

  /// |x|^β, with a slope at 0.
  private func power(_ x: Tensor) -> Tensor { pow(maximum(abs(x), 1e-30), beta) }

  /// `log(β / 2) - log Γ(1 / β) - |x|^β`.
  public func logProb(_ x: Tensor) -> Tensor {
    log(beta / 2) - logGamma(1 / beta) - power(x)
  }

  /// Halves of incomplete gamma functions of `1 / β` at `|x|^β`.
  public func tails(_ x: Tensor) -> (lower: Tensor, upper: Tensor) {
    let logarithm = beta * log(maximum(abs(x), 1e-30))
    let (inner, outer) = incompleteGamma(1 / beta, power(x), logarithm: logarithm)
    let (small, large) = (0.5 * outer, 0.5 + 0.5 * inner)
    let isNegative = x .< 0
    return (select(isNegative, small, large), select(isNegative, large, small))
  }

  /// The root of the distribution function in the half with less probability.
  public func quantile(lower: Tensor, upper: Tensor) -> Tensor {
    // The half with less probability is searched, and mirrored.
    let isNegative = lower .< upper
    let tail = minimum(lower, upper)
    let x = (-tail).monotoneRoot(
      lower: 0, upper: .infinity, slope: { exp(logProb($0)) }, of: { -tails($0).upper })
    return select(isNegative, -x, x)
  }
}
