/// `f(x) = tanh(x)` up to a cut, and a logarithm with the value of `tanh` there beyond it, `α log(β |x|)` with the
/// sign of `x`: nflows' tanh with unbounded output.
///
/// The slope jumps at the cut, as it does in nflows: α is `(1 - tanh(tanh(cut))) / cut`.
public struct LogTanhTransform: Transform {
  private let cut: Double
  private let edge: Double
  private let alpha: Double
  private let logBeta: Double

  /// Makes the transform of a positive cut.
  public init(cut: Double = 1) {
    func tanh(_ x: Double) -> Double { 1 - 2 / (expOf(2 * x) + 1) }
    self.cut = cut
    edge = tanh(cut)
    alpha = (1 - tanh(tanh(cut))) / cut
    logBeta = edge / alpha - logOf(cut)
  }

  /// The function; the log of its slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let isBeyond = abs(x) .> cut
    let (inner, ladj) = TanhTransform().callAndLadj(select(isBeyond, x.like(0), x))
    let logarithm = log(abs(select(isBeyond, x, x.like(1))))
    return (
      select(isBeyond, sign(x) * (alpha * (logarithm + logBeta)), inner),
      select(isBeyond, logOf(alpha) - logarithm, ladj)
    )
  }

  /// Its inverse; the log of its slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let isBeyond = abs(y) .> edge
    let (inner, ladj) = TanhTransform().inverseAndLadj(select(isBeyond, y.like(0), y))
    let exponent = abs(select(isBeyond, y, y.like(0))) * (1 / alpha) - logBeta
    let x = select(isBeyond, sign(y) * exp(exponent), inner)
    return (x, x.bounding(select(isBeyond, exponent - logOf(alpha), ladj)))
  }
}

/// `f(x) = atan(x) / π + 1/2`, the distribution function of Cauchy's distribution, from the reals to [0, 1].
public struct CauchyTransform: Transform {
  /// Makes the transform.
  public init() {}

  /// The function, with all digits at both ends; the log of its slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let isLarge = abs(x) .> 1
    let small = select(isLarge, x.like(0), x)
    let reciprocal = 1 / abs(select(isLarge, x, x.like(1)))
    /// asin(t / sqrt(1 + t²)) is atan(t).
    func atan(_ t: Tensor) -> Tensor { asin(t / sqrt(1 + square(t))) }
    // The distance from the nearer end.
    let distance = atan(reciprocal) * (1 / .pi)
    let outer = select(x .> 0, 1 - distance, distance)
    return (
      select(isLarge, outer, atan(small) * (1 / .pi) + 0.5), -logOf(.pi) - log1pSquare(x)
    )
  }

  /// `tan(π (y - 1/2))`; outside [0, 1] the edge, and -inf.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let domain = Domain(y, (y .>= 0) .& (y .<= 1))
    // The function of no finite number is as near to 0.
    let inner = domain.safe(0.5).clamped(0.5 / y.largest, 1 - y.roundOff)
    let isUpper = inner .> 0.5
    let distance = select(isUpper, 1 - inner, inner)
    let isOuter = distance .< 0.25
    let outer = select(isOuter, distance, y.like(0.25)) * .pi
    let middle = select(isOuter, y.like(0), inner - 0.5) * .pi
    let size = cos(outer) / sin(outer)
    let x = select(isOuter, select(isUpper, size, -size), sin(middle) / cos(middle))
    return (domain.result(x, edge: x), domain.ladj(logOf(.pi) + log1pSquare(x)))
  }
}
