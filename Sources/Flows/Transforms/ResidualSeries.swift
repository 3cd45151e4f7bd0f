import FlowIR

/// `f(x) = x + g(x)` with a contraction `g` of many features, whose log-determinant is estimated by a series: see
/// ``LogDeterminantSeries``. ``ResidualTransform`` has the exact one.
///
/// The inverse is the fixed point of `x = y - g(x)`, which is iterated until the error has shrunk below the
/// resolution of the float type for the largest slope that `g` may have.
public struct ResidualSeriesTransform: Transform {
  /// The value of `g` at a vector [D], and its derivatives there along vectors, the rows of a tensor [n, D].
  public typealias Contraction = (_ x: Tensor) -> (value: Tensor, along: (Tensor) -> Tensor)

  private let contraction: Contraction
  private let lipschitz: Double
  private let series: LogDeterminantSeries

  /// Makes the transform.
  ///
  /// - Parameters:
  ///   - lipschitz: a Lipschitz constant of the contraction, below 1.
  ///   - series: how the log-determinant is estimated.
  ///   - contraction: `g` and its derivatives.
  public init(
    lipschitz: Double, series: LogDeterminantSeries, contraction: @escaping Contraction
  ) {
    precondition(
      0 < lipschitz && lipschitz < 1, "a contraction needs a constant between 0 and 1")
    self.lipschitz = lipschitz
    self.series = series
    self.contraction = contraction
  }

  /// `x + g(x)`; the estimate of `log det(I + dg/dx)`.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let (value, along) = contraction(x)
    return (
      x + value, series.estimate(features: x.shape[0], in: x.trace, product: along)
    )
  }

  /// The solution of `x + g(x) = y`; the negative estimate there.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let resolution = y.trace.dtype == .f64 ? 0x1p-54 : 0x1p-25
    let passes = Int((logOf(resolution) / logOf(lipschitz)).rounded(.up))
    let x = Tensor.autoregressiveInverse(
      .row(y.shape, y.trace.dtype), passes: max(passes, 2), in: y.trace
    ) { x in (y - contraction(x).value, y.trace.constant(0)) }.x
    let along = contraction(x).along
    return (x, -series.estimate(features: y.shape[0], in: y.trace, product: along))
  }
}
