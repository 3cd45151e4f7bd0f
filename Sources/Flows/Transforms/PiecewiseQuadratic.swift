/// A spline of parabolas whose slope is piecewise linear, from [0, 1] to itself (Müller et al., "Neural Importance
/// Sampling", 2018, arXiv:1808.03856): that of nflows.
public struct PiecewiseQuadraticSpline: Transform {
  private let boxed: BoxedTransform

  /// Makes the spline from unconstrained widths of its bins, shape [*, K], and unconstrained slopes at its knots.
  ///
  /// - Parameters:
  ///   - widths: the logits of the bins' shares, shape [*, K].
  ///   - heights: the slopes at the knots before they are made positive and scaled, shape [*, K + 1]; or
  ///     [*, K - 1], and then the slopes at the ends are 1 before the least slope is added.
  ///   - bound: the spline maps [-bound, bound], and is the identity outside; nil for [0, 1] alone.
  ///   - leastWidth: the least share of a bin.
  ///   - leastHeight: the least slope.
  public init(
    widths: Tensor, heights: Tensor, bound: Double? = 1, leastWidth: Double = 1e-3,
    leastHeight: Double = 1e-3
  ) {
    boxed = BoxedTransform(
      unit: Unit(widths, heights, leastWidth: leastWidth, leastHeight: leastHeight), bound: bound)
  }

  private struct Unit: Transform {
    let widths: Tensor
    /// The slopes at the knots, shape [*, K + 1].
    let slopes: Tensor
    let x: UnitKnots
    let y: UnitKnots
    let bins: Int

    init(_ logits: Tensor, _ heights: Tensor, leastWidth: Double, leastHeight: Double) {
      let bins = logits.shape.last ?? 0
      let count = heights.shape.last ?? 0
      precondition(
        bins >= 2 && [bins - 1, bins + 1].contains(count),
        "a spline needs widths [*, K] and heights [*, K + 1] or [*, K - 1], with K of 2 or more, "
          + "found \(logits.shape), \(heights.shape)")
      let widths = UnitKnots.shares(logits, least: leastWidth)
      var raw = softplus(heights) + 1e-3
      if count == bins - 1 {
        // The ends for which the slope there is 1 after it is divided by the area.
        let first = 0.5 * widths.slice(0, 1)
        let last = 0.5 * widths.slice(bins - 1, bins)
        var area = 0.5 * first * raw.slice(0, 1) + 0.5 * last * raw.slice(count - 1, count)
        if count > 1 {
          let means = (raw.slice(0, count - 1) + raw.slice(1, count)) * 0.5
          area = area + (means * widths.slice(1, bins - 1)).sum(axis: -1).expandedLast()
        }
        let end = area / (1 - 0.5 * first - 0.5 * last)
        raw = Tensor.concatenate([end, raw, end])
      }
      let means = (raw.slice(0, bins) + raw.slice(1, bins + 1)) * 0.5
      let area = (means * widths).sum(axis: -1).expandedLast()
      slopes = leastHeight + (1 - leastHeight) * (raw / area)
      self.widths = widths
      self.bins = bins
      x = UnitKnots(widths: widths)
      y = UnitKnots(
        widths: (slopes.slice(0, bins) + slopes.slice(1, bins + 1)) * 0.5 * widths)
    }

    private func ends(_ k: Tensor) -> (Tensor, Tensor) {
      (slopes.slice(0, bins).take(k), slopes.slice(1, bins + 1).take(k))
    }

    func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
      let k = self.x.search(x)
      let (low, high) = ends(k)
      let above = x - self.x.lower(k)
      let bend = (high - low) * (above / widths.take(k))
      return (y.lower(k) + above * (low + 0.5 * bend), log(low + bend))
    }

    func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
      let k = self.y.search(y)
      let (low, high) = ends(k)
      let width = widths.take(k)
      let rise = (y - self.y.lower(k)) / width
      // low z + (high - low) z² / 2 = rise; the slope at the root is that of the root of the discriminant.
      let slope = sqrt(relu(square(low) + 2 * (high - low) * rise))
      return (x.lower(k) + width * (2 * rise / (low + slope)), -log(slope))
    }
  }

  /// The spline; the log of the slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { boxed.callAndLadj(x) }

  /// Its inverse in closed form; the log of its slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { boxed.inverseAndLadj(y) }
}
