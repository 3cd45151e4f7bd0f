import FlowIR

/// What a map does with numbers outside its domain: the value at the edge, with a log-determinant of
/// -inf, so that a density is zero there and its gradient too; NaN stays NaN.
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

  /// The value where it is inside, elsewhere a number for which the map is harmless.
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
  /// Half the distance from 1 to the next larger number of the tensor's float type: 1 - `roundOff`
  /// is the largest number below 1.
  public var roundOff: Double { type.dtype == .f64 ? 0x1p-53 : 0x1p-24 }
  /// The smallest positive normal number of the tensor's float type.
  public var smallest: Double {
    type.dtype == .f64 ? Double.leastNormalMagnitude : Double(Float.leastNormalMagnitude)
  }
}
