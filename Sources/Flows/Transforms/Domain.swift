import FlowIR

/// Handles numbers outside a map's domain: they get the value at the edge and a log-determinant of -inf, so that
/// the density there and its gradient are zero. NaN stays NaN.
///
///     let domain = Domain(y, y .> 0)
///     let x = log(domain.safe(1))
///     return (domain.result(x, edge: x.like(-100)), domain.ladj(-x))
public struct Domain {
  /// Whether each number is in the domain.
  public let inside: Tensor
  private let value: Tensor

  /// The numbers of `value` for which `inside` holds.
  public init(_ value: Tensor, _ inside: Tensor) {
    self.value = value
    self.inside = inside
  }

  /// The value where it is inside the domain, elsewhere a number that the map can safely be applied to.
  public func safe(_ other: Double) -> Tensor { select(inside, value, value.like(other)) }

  /// A result where the value is inside, elsewhere an edge.
  public func result(_ result: Tensor, edge: Tensor) -> Tensor {
    select(inside, result, select(isNaN(value), value, edge))
  }

  /// A log-determinant where the value is inside, elsewhere -inf.
  public func ladj(_ ladj: Tensor) -> Tensor {
    select(inside, ladj, value.like(-Double.infinity))
  }
}

extension Tensor {
  /// A log-determinant, for this value of a map: -inf where the value has overflowed, whatever the
  /// slope, since the density of a base is zero there.
  public func bounding(_ ladj: Tensor) -> Tensor {
    select(abs(self) .> largest, ladj.like(-Double.infinity), ladj)
  }

  /// The tensor clamped to bounds, of which `lower` is the smaller; unlike with a minimum and a maximum, its
  /// derivative at the bounds is 1. Each selection compares what it selects, so that compilers make one
  /// instruction of it.
  public func clamped(_ lower: Double, _ upper: Double) -> Tensor {
    let below = select(self .> upper, like(upper), self)
    return select(below .< lower, like(lower), below)
  }

  /// The number lowered by one or two units in the last place; infinity is unchanged.
  public var lowered: Tensor {
    let step = abs(self) * (1.5 * roundOff) + type.dtype.leastNormal
    return select(abs(self) .<= largest, self - step, self)
  }

  /// Half the distance from 1 to the next larger number of the tensor's float type: 1 - `roundOff`
  /// is the largest number below 1.
  public var roundOff: Double { type.dtype == .f64 ? 0x1p-53 : 0x1p-24 }
  /// The smallest positive number of the tensor's float type.
  public var smallest: Double {
    type.dtype == .f64 ? Double.leastNonzeroMagnitude : Double(Float.leastNonzeroMagnitude)
  }
  /// The largest number of the tensor's float type.
  public var largest: Double {
    type.dtype == .f64 ? Double.greatestFiniteMagnitude : Double(Float.greatestFiniteMagnitude)
  }
}

extension DType {
  /// The smallest number of a float type that has all its digits.
  var leastNormal: Double { self == .f64 ? 0x1p-1022 : 0x1p-126 }
}
