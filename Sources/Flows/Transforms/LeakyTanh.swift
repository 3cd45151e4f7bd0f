/// `f(x) = tanh(x)` on [-bound, bound], and its tangents at the ends outside: a map of the reals to the
/// reals that is close to `tanh` where `tanh` is not flat, as flowjax has it.
public struct LeakyTanhTransform: Transform {
  private let bound: Double
  /// tanh(bound).
  private let edge: Double
  /// log(1 - tanh(bound)²), the log of the slope of the tangents.
  private let logSlope: Double

  /// Makes the transform of a positive bound.
  public init(bound: Double = 3) {
    self.bound = bound
    let small = expOf(-2 * bound)
    edge = (1 - small) / (1 + small)
    logSlope = 2 * (logOf(2) - bound - logOf(1 + small))
  }

  /// The function; the log of its slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let isInside = abs(x) .< bound
    let (inner, ladj) = TanhTransform().callAndLadj(select(isInside, x, x.like(0)))
    let tangent = sign(x) * (edge + expOf(logSlope) * (abs(x) - bound))
    return (select(isInside, inner, tangent), select(isInside, ladj, x.like(logSlope)))
  }

  /// Its inverse; the log of its slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let isInside = abs(y) .< edge
    let (inner, ladj) = TanhTransform().inverseAndLadj(select(isInside, y, y.like(0)))
    let tangent = sign(y) * (bound + (abs(y) - edge) * expOf(-logSlope))
    return (select(isInside, inner, tangent), select(isInside, ladj, y.like(-logSlope)))
  }
}
