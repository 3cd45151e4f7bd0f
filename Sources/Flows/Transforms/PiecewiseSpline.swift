/// A map of [0, 1] to itself stretched to [-bound, bound], and the identity outside; or as it is, with a
/// density of zero outside of [0, 1].
struct BoxedTransform: Transform {
  let unit: any Transform
  /// The bound of the box; nil for [0, 1].
  let bound: Double?

  private func apply(
    _ value: Tensor, _ map: (Tensor) -> (Tensor, Tensor)
  ) -> (Tensor, Tensor) {
    guard let bound else {
      let domain = Domain(value, (value .>= 0) .& (value .<= 1))
      let (result, ladj) = map(domain.safe(0.5))
      let edge = select(value .> 1, value.like(1), value.like(0))
      return (domain.result(result, edge: edge), domain.ladj(ladj))
    }
    let inside = (value .>= -bound) .& (value .<= bound)
    let safe = select(inside, value, value.like(0))
    let (result, ladj) = map((safe + bound) * (1 / (2 * bound)))
    return (
      select(inside, result * (2 * bound) - bound, value), select(inside, ladj, value.like(0))
    )
  }

  func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { apply(x, unit.callAndLadj) }

  func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { apply(y, unit.inverseAndLadj) }
}

/// The knots of a spline from [0, 1] to itself: those inside, along the last axis.
struct UnitKnots {
  let inner: Tensor

  init(inner: Tensor) { self.inner = inner }

  /// The knots between bins of given widths, which add up to 1.
  init(widths: Tensor) {
    inner = widths.cumulativeSum().slice(0, (widths.shape.last ?? 1) - 1)
  }

  /// The lower ends of the bins `k`.
  func lower(_ k: Tensor) -> Tensor { inner.padded(low: 1, high: 0, value: 0).take(k) }

  /// The bin in which each element lies.
  func search(_ value: Tensor) -> Tensor { inner.search(value) }

  /// Shares of a softmax that are not less than a number.
  static func shares(_ logits: Tensor, least: Double) -> Tensor {
    let bins = logits.shape.last ?? 0
    return least + (1 - least * Double(bins)) * exp(logits.logSoftmax())
  }
}

/// A spline of straight pieces over bins of one width, from [0, 1] to itself (Müller et al., "Neural Importance
/// Sampling", 2018, arXiv:1808.03856).
public struct PiecewiseLinearSpline: Transform {
  private let boxed: BoxedTransform

  /// Makes the spline from the logits of its pieces' rises, shape [*, K]; with a bound it maps [-bound, bound]
  /// and is the identity outside, else it maps [0, 1] alone.
  public init(logits: Tensor, bound: Double? = 1) {
    boxed = BoxedTransform(unit: Unit(logits), bound: bound)
  }

  private struct Unit: Transform {
    let logits: Tensor
    let x: UnitKnots
    let y: UnitKnots
    let bins: Int

    init(_ logits: Tensor) {
      let bins = logits.shape.last ?? 0
      self.bins = bins
      self.logits = logits.logSoftmax()
      let places = (1..<max(bins, 2)).map { Double($0) / Double(bins) }
      x = UnitKnots(
        inner: logits.trace.constant(places, shape: [places.count])
          .broadcast(to: logits.shape.dropLast() + [places.count]))
      y = UnitKnots(widths: exp(self.logits))
    }

    func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
      let k = self.x.search(x)
      let ladj = logits.take(k) + logOf(Double(bins))
      return (y.lower(k) + (x - self.x.lower(k)) * exp(ladj), ladj)
    }

    func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
      let k = self.y.search(y)
      let ladj = -(logits.take(k) + logOf(Double(bins)))
      return (x.lower(k) + (y - self.y.lower(k)) * exp(ladj), ladj)
    }
  }

  /// The spline; the log of the slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { boxed.callAndLadj(x) }

  /// Its inverse; the log of its slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { boxed.inverseAndLadj(y) }
}
