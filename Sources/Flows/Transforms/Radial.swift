/// `f(x) = x + β (x - c) / (α + |x - c|)`, which draws rows to a centre or pushes them away (Rezende and Mohamed,
/// "Variational Inference with Normalizing Flows", 2015, arXiv:1505.05770).
///
/// `α` is `|a|` and `β` is `softplus(b) - α`, above `-α`, which makes `f` invertible: the function of normflows. The
/// inverse has a closed form, the root of a quadratic equation of the distance.
public struct RadialTransform: Transform {
  private let centre: Tensor
  private let alpha: Tensor
  /// α + β, which is positive.
  private let sum: Tensor

  /// Makes the transform from the centre `c` of shape [D] and the scalars `a` and `b`.
  public init(centre: Tensor, alpha: Tensor, beta: Tensor) {
    self.centre = centre
    self.alpha = abs(alpha)
    sum = softplus(beta)
  }

  /// The length of a vector, whose derivative at 0 is 0.
  private func length(_ x: Tensor) -> Tensor {
    let squares = square(x).sum(axis: -1)
    let isZero = squares .== 0
    return select(isZero, squares.like(0), sqrt(select(isZero, squares.like(1), squares)))
  }

  /// `α + r`, kept from 0, and `β / (α + r)`.
  private func pull(_ r: Tensor) -> (reach: Tensor, factor: Tensor) {
    let reach = maximum(alpha + r, 1e-30)
    return (reach, (sum - alpha) / reach)
  }

  private func ladj(_ r: Tensor) -> Tensor {
    let (reach, factor) = pull(r)
    let others = Double(centre.shape[0] - 1)
    return others * log1p(factor) + log1p(factor * (alpha / reach))
  }

  /// `x + β (x - c) / (α + r)`; the logs of the slopes across the ray from the centre and along it.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let way = x - centre
    let r = length(way)
    return (x + way * pull(r).factor.expandedLast(), ladj(r))
  }

  /// The inverse, from the root `r` of `r² + (α + β - R) r - α R = 0` with `R = |y - c|`.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let way = y - centre
    let distance = length(way)
    let b = sum - distance
    let root = sqrt(square(b) + 4 * alpha * distance)
    // The form without cancellation for the sign of `b`.
    let isPositive = b .> 0
    let r = select(
      isPositive, 2 * alpha * distance / select(isPositive, b + root, b.like(1)), 0.5 * (root - b))
    let (reach, _) = pull(r)
    return (centre + way * (reach / (sum + r)).expandedLast(), -ladj(r))
  }
}
