/// Features between bounds as numbers of the whole line: `log(x - a)` above a lower bound, `-log(b - x)`
/// below an upper one, `log(x - a) - log(b - x)` between two, and `x` where there is none.
///
/// It is the inverse of PyTorch's `biject_to` of the interval. A number that equals a bound counts as half a
/// unit in the last place inside, since numbers that near are rounded to it. Outside, the log-determinant
/// is minus infinity. The inverse is always inside, bounds included.
public struct BoundsTransform: Transform {
  private let lower: Tensor
  private let upper: Tensor
  private let hasLower: Tensor
  private let hasUpper: Tensor

  /// Makes the transform from bounds, one for each feature; an infinite one is none.
  public init(lower: Tensor, upper: Tensor) {
    hasLower = isFinite(lower)
    hasUpper = isFinite(upper)
    // Without infinities, whose differences are not numbers.
    self.lower = select(hasLower, lower, lower.like(0))
    self.upper = select(hasUpper, upper, upper.like(0))
  }

  /// The logs of the distances to the bounds and of the width, 0 where there is none.
  private func logDistances(_ x: Tensor) -> (below: Tensor, above: Tensor, width: Tensor) {
    func distance(_ difference: Tensor, _ bound: Tensor) -> Tensor {
      maximum(difference, maximum(abs(bound) * x.roundOff, bound.like(x.type.dtype.leastNormal)))
    }
    let one = x.like(1)
    return (
      log(select(hasLower, distance(x - lower, lower), one)),
      log(select(hasUpper, distance(upper - x, upper), one)), log(width)
    )
  }

  private var width: Tensor { select(hasLower .& hasUpper, upper - lower, lower.like(1)) }

  /// The number without bounds, and the log of its slope; outside the nearer edge, and -inf.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let isAbove = select(hasLower, lower, x) .<= x
    let isBelow = x .<= select(hasUpper, upper, x)
    let domain = Domain(x, isAbove .& isBelow)
    let edge = select(hasLower, lower, upper)
    let inner = select(domain.inside, x, edge)
    let (below, above, width) = logDistances(inner)
    let y = select(hasLower .| hasUpper, below - above, inner)
    return (domain.result(y, edge: y), domain.ladj(width - below - above))
  }

  /// The number between the bounds, and the log of its slope.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let largest = logOf(y.largest) - 1
    // Above a bound the exponential, below one it from the other side, between two the sigmoid.
    let up = lower + exp(y.clamped(-largest, largest))
    let down = upper - exp((-y).clamped(-largest, largest))
    let between = select(y .> 0, upper - width * sigmoid(-y), lower + width * sigmoid(y))
    let bounded = select(hasLower, select(hasUpper, between, up), down)
    let inside = select(hasLower, maximum(lower, bounded), bounded)
    let x = select(
      hasLower .| hasUpper, select(hasUpper, minimum(upper, inside), inside), y)
    let ladj = select(
      hasLower, select(hasUpper, log(width) + logSigmoid(y) + logSigmoid(-y), y),
      select(hasUpper, -y, y.like(0)))
    return (select(isNaN(y), y, x), ladj)
  }
}
