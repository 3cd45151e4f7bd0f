/// `f(x) = x` above 0, `slope x` below.
public struct LeakyReLUTransform: Transform {
  private let slope: Double

  /// Makes the transform of a positive slope.
  public init(slope: Double = 1e-2) { self.slope = slope }

  private func apply(_ x: Tensor, _ slope: Double) -> (Tensor, Tensor) {
    let isBelow = x .< 0
    return (select(isBelow, x * slope, x), select(isBelow, x.like(logOf(slope)), x.like(0)))
  }

  /// The function; the log of its slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { apply(x, slope) }

  /// Its inverse, of the reciprocal slope; the log of that for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { apply(y, 1 / slope) }
}
