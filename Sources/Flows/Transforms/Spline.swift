/// The monotonic rational-quadratic spline of Durkan et al., "Neural Spline Flows", 2019
/// (arXiv:1906.04032), on [-bound, bound]; the identity outside.
///
/// The end knots lie exactly on the bound. Elements at or beyond it, and NaN, pass through unchanged with a
/// log-determinant of 0; the unused arithmetic for them stays finite, so that gradients do too.
public struct MonotonicRQSTransform: Transform {
  /// Inner knots, shape [*, K - 1]; nil for a single bin.
  private let horizontal: Tensor?
  private let vertical: Tensor?
  /// The logs of the inner knots' derivatives before they are clipped softly, shape [*, K - 1].
  private let derivatives: Tensor
  /// The soft clip's limit is its reciprocal, of all features or of each.
  private let limit: Limit
  private let bins: Int
  /// The least share of the interval that a bin may take.
  private let leastShare: Double
  private let bound: Double

  private enum Limit {
    case one(Double)
    case each(Tensor)

    /// A tensor of the features times the limits.
    func times(_ x: Tensor) -> Tensor {
      switch self {
      case .one(let limit): x * limit
      case .each(let limits): x * limits
      }
    }

    /// A tensor with the bins of the features times twice the limits.
    func twice(_ x: Tensor) -> Tensor {
      switch self {
      case .one(let limit): x * (limit * 2)
      case .each(let limits): x * (limits * 2).expandedLast()
      }
    }
  }

  /// Makes the spline from unconstrained widths and heights (shape [*, K]) and derivatives (shape
  /// [*, K - 1]); `slope` is the least slope.
  public init(
    widths: Tensor, heights: Tensor, derivatives: Tensor, bound: Double = 5, slope: Double = 1e-3
  ) {
    self.init(widths, heights, derivatives, bound, .one(1 / logOf(slope).magnitude), slope)
  }

  /// Makes a spline for each feature of a vector from widths and heights (shape [D, K]) and derivatives (shape
  /// [D, K - 1]); `slopes` are the least slopes.
  public init(
    widths: Tensor, heights: Tensor, derivatives: Tensor, bound: Double, slopes: [Double]
  ) {
    let least = slopes.min() ?? 1e-3
    let limit: Limit =
      slopes.allSatisfy { $0 == least }
      ? .one(1 / logOf(least).magnitude)
      : .each(
        widths.trace.constant(
          slopes.map { 1 / logOf($0).magnitude }, shape: [slopes.count]))
    self.init(widths, heights, derivatives, bound, limit, least)
  }

  private init(
    _ widths: Tensor, _ heights: Tensor, _ derivatives: Tensor, _ bound: Double, _ limit: Limit,
    _ slope: Double
  ) {
    bins = widths.shape.last ?? 0
    precondition(
      bins >= 2 && heights.shape == widths.shape
        && derivatives.shape == widths.shape.dropLast() + [bins - 1],
      "a spline needs widths and heights [*, K] and derivatives [*, K - 1] with K of 2 or more, "
        + "found \(widths.shape), \(heights.shape), \(derivatives.shape)")
    self.bound = bound
    self.limit = limit
    leastShare = slope / Double(bins)
    horizontal = Self.knots(widths, bound: bound, limit: limit)
    vertical = Self.knots(heights, bound: bound, limit: limit)
    self.derivatives = derivatives
  }

  /// The inner knots. The soft clip bounds the logits, so the softmax needs no maximum.
  private static func knots(_ logits: Tensor, bound: Double, limit: Limit) -> Tensor {
    let clipped = logits / (1 + limit.twice(Flows.abs(logits)))
    let weights = exp(clipped)
    let scale = (2 * bound) / weights.sum(axis: -1)
    let bins = logits.shape.last ?? 0
    let inner = weights.cumulativeSum().slice(0, bins - 1)
    return inner * scale.expandedLast() - bound
  }

  private func bin(_ value: Tensor, in knots: Tensor?) -> (bin: SplineBin, inside: Tensor) {
    guard let knots, let horizontal, let vertical else {
      preconditionFailure("a spline needs at least two bins")
    }
    let inside = (value .> -bound) .& (value .< bound)
    let k = knots.search(value)
    func pair(_ inner: Tensor, _ low: Double, _ high: Double) -> (Tensor, Tensor) {
      (
        inner.padded(low: 1, high: 0, value: low).take(k),
        inner.padded(low: 0, high: 1, value: high).take(k)
      )
    }
    let (x0, x1) = pair(horizontal, -bound, bound)
    let (y0, y1) = pair(vertical, -bound, bound)
    // Only the two derivatives of the bin are clipped and exponentiated; those of the ends are 1.
    let (raw0, raw1) = pair(derivatives, 0, 0)
    let (d0, d1) = (
      raw0 / (1 + limit.times(abs(raw0))), raw1 / (1 + limit.times(abs(raw1)))
    )
    var (width, height) = (x1 - x0, y1 - y0)
    // Bins can be so narrow that their knots coincide only if the least slope is tiny.
    let spacing = 2 * bound * value.roundOff
    if leastShare < 32 * value.roundOff {
      width = maximum(width, spacing)
      height = maximum(height, spacing)
    }
    let bin = SplineBin(
      x0: x0, width: width, y0: y0, height: height, d0: exp(d0), d1: exp(d1),
      slope: height / width)
    return (bin, inside)
  }

  /// The spline inside its bound, the identity outside; the log of the slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let (bin, inside) = bin(x, in: horizontal)
    let (y, ladj) = bin.callAndLadj(select(inside, x, bin.x0))
    return (select(inside, y, x), select(inside, ladj, x.like(0)))
  }

  /// The spline's inverse in closed form; the log of its slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let (bin, inside) = bin(y, in: vertical)
    let (x, logSlope) = bin.inverseAndLogSlope(select(inside, y, bin.y0))
    return (select(inside, x, y), select(inside, -logSlope, y.like(0)))
  }
}
