import FlowIR

/// The splines of features of different kinds: which are angles, and the bound and least slope of each.
public struct MixedSpline: Hashable, Sendable {
  /// Which features are angles on the circle [-π, π).
  public let isCircular: [Bool]
  /// The bound of each feature's spline.
  public let bounds: [Double]
  /// The least slope of each feature's spline.
  public let slopes: [Double]

  /// Describes the splines.
  ///
  /// - Precondition: there are as many of all, bounds are positive and slopes between 0 and 1.
  public init(isCircular: [Bool], bounds: [Double], slopes: [Double]) {
    precondition(
      isCircular.count == bounds.count && bounds.count == slopes.count,
      "\(isCircular.count) kinds, \(bounds.count) bounds, \(slopes.count) slopes")
    (self.isCircular, self.bounds, self.slopes) = (isCircular, bounds, slopes)
  }
}

/// A rational-quadratic spline for each feature of a vector: on the circle for an angle, as
/// `CircularRQSTransform`, on an interval of its own for another feature, and the identity outside.
public struct MixedSplineTransform: Transform {
  private let kinds: MixedSpline
  private let spline: MonotonicRQSTransform
  private let bounds: Tensor

  /// Makes the splines from unconstrained widths and heights (shape [D, K]) and derivatives (shape
  /// [D, K - 1]).
  public init(widths: Tensor, heights: Tensor, derivatives: Tensor, kinds: MixedSpline) {
    self.kinds = kinds
    spline = MonotonicRQSTransform(
      widths: widths, heights: heights, derivatives: derivatives, bound: 1,
      slopes: kinds.slopes)
    bounds = widths.trace.constant(kinds.bounds, shape: [kinds.bounds.count])
  }

  /// The angles turned by half the circle, and the other features as they are.
  private func turned(_ x: Tensor) -> Tensor {
    guard kinds.isCircular.contains(true) else { return x }
    let bits = kinds.isCircular.map { $0 ? 1.0 : 0 }
    let isAngle = x.trace.emit(
      .constant(Literal(bits, shape: [bits.count], dtype: .bool)), [])
    return select(isAngle, CircularShiftTransform(bound: .pi)(x), x)
  }

  /// The rotation of angles, then the splines; the log of the slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let (y, ladj) = spline.callAndLadj(turned(x) / bounds)
    return (y * bounds, ladj)
  }

  /// The splines' inverses, then the rotation of angles; the log of the slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let (x, ladj) = spline.inverseAndLadj(y / bounds)
    return (turned(x * bounds), ladj)
  }
}
