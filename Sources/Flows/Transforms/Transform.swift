/// A bijection `y = f(x)` of tensors with the log of its absolute Jacobian determinant.
///
/// `ladj` has the shape that remains when the dimensions on which the determinant is taken are
/// removed: an element-wise transform gives one for each element, a transform of vectors a scalar.
public protocol Transform {
  /// `y = f(x)` and log|det df/dx|.
  func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor)
  /// `x = f⁻¹(y)` and log|det df⁻¹/dy|.
  func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor)
}

extension Transform {
  /// `y = f(x)`.
  public func callAsFunction(_ x: Tensor) -> Tensor { callAndLadj(x).y }
  /// `x = f⁻¹(y)`.
  public func inverse(_ y: Tensor) -> Tensor { inverseAndLadj(y).x }
  /// The inverse as a transform.
  public var inv: any Transform { InverseTransform(self) }
}

/// The inverse of a transform.
public struct InverseTransform: Transform {
  let transform: any Transform

  /// Makes the inverse.
  public init(_ transform: any Transform) { self.transform = transform }

  /// The inner transform's inverse and its log-determinant.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let (y, ladj) = transform.inverseAndLadj(x)
    return (y, ladj)
  }

  /// The inner transform's value and its log-determinant.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let (x, ladj) = transform.callAndLadj(y)
    return (x, ladj)
  }
}

/// `f(x) = x`.
public struct IdentityTransform: Transform {
  /// Makes the transform.
  public init() {}

  /// `x` itself; a log-slope of 0 for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { (x, x.like(0)) }

  /// `y` itself; a log-slope of 0 for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { (y, y.like(0)) }
}

/// `f(x) = x + shift`.
public struct AdditiveTransform: Transform {
  let shift: Tensor

  /// Makes the transform.
  public init(shift: Tensor) { self.shift = shift }

  /// `x + shift`; a log-slope of 0 for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { (x + shift, x.like(0)) }

  /// `y - shift`; a log-slope of 0 for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { (y - shift, y.like(0)) }
}

/// `f(x) = loc + scale x`.
public struct AffineTransform: Transform {
  let loc: Tensor
  let scale: Tensor

  /// Makes the transform; no scale may be zero.
  public init(loc: Tensor, scale: Tensor) {
    self.loc = loc
    self.scale = scale
  }

  private func ladj(_ x: Tensor) -> Tensor { log(abs(scale)).broadcast(to: x.shape) }

  /// `loc + scale x`; log|scale| for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (loc + scale * x, ladj(x))
  }

  /// `(y - loc) / scale`; -log|scale| for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    ((y - loc) / scale, -ladj(y))
  }
}

/// `f(x) = exp(a) x + b`, with the scale `a` clipped softly so that the slope exceeds a minimum.
public struct MonotonicAffineTransform: Transform {
  let shift: Tensor
  let logScale: Tensor

  /// Makes the transform from the shift `b` and the unconstrained scale `a`, each with the shape
  /// of `x`; `a / (1 + |a / log(slope)|)` is the log of the slope.
  public init(shift: Tensor, scale: Tensor, slope: Double = 1e-3) {
    self.shift = shift
    logScale = scale / (1 + abs(scale * (1 / logOf(slope))))
  }

  /// `exp(a) x + b`; the clipped `a` for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (x * exp(logScale) + shift, logScale)
  }

  /// `exp(-a) (y - b)`; the negative of the clipped `a` for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    ((y - shift) * exp(-logScale), -logScale)
  }
}

/// Reorders features.
public struct PermutationTransform: Transform {
  let order: [Int]

  /// Makes `y_i = x_order[i]`.
  public init(order: [Int]) { self.order = order }

  /// The features in the order; a log-determinant of 0.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (x.gather(order), x.trace.constant(0))
  }

  /// The features put back; a log-determinant of 0.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let inverse = order.indices.sorted { order[$0] < order[$1] }
    return (y.gather(inverse), y.trace.constant(0))
  }
}

/// Transforms applied one after the other, the first to the data.
public struct ComposedTransform: Transform {
  let transforms: [any Transform]

  /// Makes `f = f_n ∘ … ∘ f_0`.
  public init(_ transforms: [any Transform]) { self.transforms = transforms }

  /// All transforms from the first on; log-slopes of elements are summed where a part has one
  /// number for a vector.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    compose(x, transforms) { $0.callAndLadj($1) }
  }

  /// All inverses from the last on; log-slopes of elements are summed where a part has one number
  /// for a vector.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    compose(y, transforms.reversed()) { $0.inverseAndLadj($1) }
  }

  private func compose(
    _ start: Tensor, _ transforms: [any Transform],
    _ apply: (any Transform, Tensor) -> (Tensor, Tensor)
  ) -> (Tensor, Tensor) {
    var value = start
    var parts: [Tensor] = []
    for transform in transforms {
      let (next, part) = apply(transform, value)
      value = next
      parts.append(part)
    }
    // Element-wise parts are summed when they meet one that is a scalar a row.
    let rank = parts.map(\.shape.count).min() ?? 0
    let terms = parts.map { rank == 0 ? $0.sumOfElements() : $0 }
    guard let first = terms.first else { return (value, start.trace.constant(0)) }
    return (value, terms.dropFirst().reduce(first) { $0 + $1 })
  }
}

/// A transform whose features are taken as one event: their log-determinants are summed.
public struct DependentTransform: Transform {
  let base: any Transform

  /// Makes the transform from an element-wise one.
  public init(_ base: any Transform) { self.base = base }

  /// The base transform's value and the sum of its log-slopes, a scalar.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let (y, ladj) = base.callAndLadj(x)
    return (y, ladj.broadcast(to: Tensor.commonShape(ladj.shape, x.shape)).sumOfElements())
  }

  /// The base transform's inverse and the sum of its log-slopes, a scalar.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let (x, ladj) = base.inverseAndLadj(y)
    return (x, ladj.broadcast(to: Tensor.commonShape(ladj.shape, y.shape)).sumOfElements())
  }
}
