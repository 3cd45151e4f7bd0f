/// A rational-quadratic spline with shares of a softmax as its bins (Durkan et al., "Neural Spline Flows",
/// 2019, arXiv:1906.04032): that of nflows.
///
/// With linear tails it is the identity outside of its box; without them, numbers outside have a density
/// of zero.
public struct RationalQuadraticSpline: Transform {
  /// The constants of a spline.
  public struct Constants: Hashable, Sendable {
    /// The ends of the interval that is mapped.
    public var x = -1.0...1.0
    /// The ends of the interval that it is mapped to.
    public var y = -1.0...1.0
    /// Whether the spline goes on as the identity outside; then both intervals are the same, and the
    /// derivatives at their ends are 1 if they are not free.
    public var hasLinearTails = true
    /// Whether the derivatives at the ends are parameters although the tails are linear, as in flowjax and
    /// for features on a circle; the slope then jumps at the ends.
    public var hasFreeEnds = false
    /// The least share of the interval that a bin takes.
    public var leastWidth = 1e-3
    /// The least share of the other interval that a bin takes.
    public var leastHeight = 1e-3
    /// The least derivative at a knot.
    public var leastDerivative = 1e-3
    /// What widths and heights are multiplied by before the softmax.
    public var logitScale = 1.0

    /// The constants of nflows' linear tails.
    public init() {}

    /// Whether the derivatives at the ends are 1, and not parameters.
    var hasUnitEnds: Bool { hasLinearTails && !hasFreeEnds }

    /// The number of derivatives that are parameters, for a number of bins.
    func derivatives(bins: Int) -> Int { hasUnitEnds ? bins - 1 : bins + 1 }
  }

  private let horizontal: Tensor
  private let vertical: Tensor
  private let derivatives: Tensor
  private let constants: Constants

  /// Makes the spline from unconstrained widths and heights (shape [*, K]) and derivatives (shape
  /// [*, K - 1] if those at the ends are 1, else [*, K + 1]).
  public init(
    widths: Tensor, heights: Tensor, derivatives: Tensor, constants: Constants = Constants()
  ) {
    let bins = widths.shape.last ?? 0
    let knots = constants.derivatives(bins: bins)
    precondition(
      bins >= 2 && heights.shape == widths.shape
        && derivatives.shape == widths.shape.dropLast() + [knots],
      "a spline needs widths and heights [*, K] with K of 2 or more and derivatives [*, \(knots)], "
        + "found \(widths.shape), \(heights.shape), \(derivatives.shape)")
    self.constants = constants
    let scale = constants.logitScale
    horizontal = Self.knots(widths, scale, constants.x, least: constants.leastWidth)
    vertical = Self.knots(heights, scale, constants.y, least: constants.leastHeight)
    // The derivatives at the ends are 1 after they are made positive.
    let end = logOf(expOf(1 - constants.leastDerivative) - 1)
    self.derivatives =
      constants.hasUnitEnds ? derivatives.padded(low: 1, high: 1, value: end) : derivatives
  }

  /// The inner knots.
  private static func knots(
    _ logits: Tensor, _ scale: Double, _ interval: ClosedRange<Double>, least: Double
  ) -> Tensor {
    let bins = logits.shape.last ?? 0
    let scaled = scale == 1 ? logits : logits * scale
    let shares = least + (1 - least * Double(bins)) * exp(scaled.logSoftmax())
    let inner = shares.cumulativeSum().slice(0, bins - 1)
    return inner * (interval.upperBound - interval.lowerBound) + interval.lowerBound
  }

  private func bin(_ value: Tensor, in knots: Tensor) -> SplineBin {
    let k = knots.search(value)
    func pair(_ inner: Tensor, _ ends: ClosedRange<Double>) -> (Tensor, Tensor) {
      (
        inner.padded(low: 1, high: 0, value: ends.lowerBound).take(k),
        inner.padded(low: 0, high: 1, value: ends.upperBound).take(k)
      )
    }
    let (x0, x1) = pair(horizontal, constants.x)
    let (y0, y1) = pair(vertical, constants.y)
    let count = derivatives.shape.last ?? 0
    let raw0 = derivatives.slice(0, count - 1).take(k)
    let raw1 = derivatives.slice(1, count).take(k)
    let (width, height) = (x1 - x0, y1 - y0)
    return SplineBin(
      x0: x0, width: width, y0: y0, height: height,
      d0: softplus(raw0) + constants.leastDerivative,
      d1: softplus(raw1) + constants.leastDerivative, slope: height / width)
  }

  private func apply(
    _ value: Tensor, _ interval: ClosedRange<Double>, _ other: ClosedRange<Double>, _ knots: Tensor,
    _ map: (SplineBin, Tensor) -> (Tensor, Tensor)
  ) -> (Tensor, Tensor) {
    let inside = (value .>= interval.lowerBound) .& (value .<= interval.upperBound)
    let domain = Domain(value, inside)
    let safe = domain.safe(interval.lowerBound)
    let (result, ladj) = map(bin(safe, in: knots), safe)
    if constants.hasLinearTails {
      return (select(inside, result, value), select(inside, ladj, value.like(0)))
    }
    let edge = select(
      value .> interval.upperBound, value.like(other.upperBound), value.like(other.lowerBound))
    return (domain.result(result, edge: edge), domain.ladj(ladj))
  }

  /// The spline; the log of the slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    apply(x, constants.x, constants.y, horizontal) { $0.callAndLadj($1) }
  }

  /// The spline's inverse in closed form; the log of its slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    apply(y, constants.y, constants.x, vertical) { bin, y in
      let (x, logSlope) = bin.inverseAndLogSlope(y)
      return (x, -logSlope)
    }
  }
}
