/// A monotonic cubic spline from [0, 1] to itself, with the derivatives of Steffen at the knots inside ("A simple
/// method for monotonic interpolation in one dimension", 1990): that of Durkan et al., "Cubic-Spline Flows", 2019
/// (arXiv:1906.02145), in nflows.
public struct PiecewiseCubicSpline: Transform {
  private let boxed: BoxedTransform

  /// Makes the spline from unconstrained parameters.
  ///
  /// - Parameters:
  ///   - widths: the logits of the bins' widths, shape [*, K].
  ///   - heights: the logits of the bins' heights, shape [*, K].
  ///   - left: the derivative at 0, before a sigmoid; one number for each element.
  ///   - right: the derivative at 1, before a sigmoid; one number for each element.
  ///   - bound: the spline maps [-bound, bound], and is the identity outside; nil for [0, 1] alone.
  ///   - leastWidth: the least share of a bin's width.
  ///   - leastHeight: the least share of a bin's height.
  public init(
    widths: Tensor, heights: Tensor, left: Tensor, right: Tensor, bound: Double? = 1,
    leastWidth: Double = 1e-3, leastHeight: Double = 1e-3
  ) {
    precondition(
      (widths.shape.last ?? 0) >= 2 && widths.shape == heights.shape,
      "a spline needs widths and heights [*, K] with K of 2 or more, "
        + "found \(widths.shape), \(heights.shape)")
    boxed = BoxedTransform(
      unit: Unit(
        UnitKnots.shares(widths, least: leastWidth),
        UnitKnots.shares(heights, least: leastHeight), left, right), bound: bound)
  }

  /// One bin: y = y0 + d0 t + b t² + a t³ for t = x - x0 from 0 to the width.
  private struct Bin {
    let x0, y0, width, a, b, d0: Tensor

    func value(_ t: Tensor) -> Tensor { ((a * t + b) * t + d0) * t }

    func slope(_ t: Tensor) -> Tensor { (3 * a * t + 2 * b) * t + d0 }
  }

  private struct Unit: Transform {
    let widths: Tensor
    let slopes: Tensor
    /// The derivatives at the knots, shape [*, K + 1].
    let derivatives: Tensor
    let x: UnitKnots
    let y: UnitKnots
    let bins: Int

    init(_ widths: Tensor, _ heights: Tensor, _ left: Tensor, _ right: Tensor) {
      let bins = widths.shape.last ?? 0
      let slopes = heights / widths
      let (w0, w1) = (widths.slice(0, bins - 1), widths.slice(1, bins))
      let (s0, s1) = (slopes.slice(0, bins - 1), slopes.slice(1, bins))
      let between = 0.5 * (w1 * s0 + w0 * s1) / (w0 + w1)
      let inner = 2 * minimum(minimum(s0, s1), between)
      derivatives = Tensor.concatenate([
        3 * sigmoid(left.expandedLast()) * slopes.slice(0, 1), inner,
        3 * sigmoid(right.expandedLast()) * slopes.slice(bins - 1, bins),
      ])
      self.widths = widths
      self.slopes = slopes
      self.bins = bins
      x = UnitKnots(widths: widths)
      y = UnitKnots(widths: heights)
    }

    private func bin(_ k: Tensor) -> Bin {
      let (width, slope) = (widths.take(k), slopes.take(k))
      let d0 = derivatives.slice(0, bins).take(k)
      let d1 = derivatives.slice(1, bins + 1).take(k)
      return Bin(
        x0: x.lower(k), y0: y.lower(k), width: width,
        a: (d0 + d1 - 2 * slope) / square(width), b: (3 * slope - 2 * d0 - d1) / width, d0: d0)
    }

    func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
      let bin = bin(self.x.search(x))
      let t = x - bin.x0
      return (bin.y0 + bin.value(t), log(bin.slope(t)))
    }

    func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
      let bin = bin(self.y.search(y))
      // The place in the bin, from 0 to 1.
      let z = (y - bin.y0).monotoneRoot(
        lower: 0, upper: 1, slope: { bin.width * bin.slope($0 * bin.width) },
        of: { bin.value($0 * bin.width) })
      let t = z * bin.width
      return (bin.x0 + t, -log(bin.slope(t)))
    }
  }

  /// The spline; the log of the slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { boxed.callAndLadj(x) }

  /// Its inverse by root finding in a bin; the log of its slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { boxed.inverseAndLadj(y) }
}
