/// The type of a value: an optional leading symbolic dimension `rows`, a static shape, a dtype.
///
/// A *row value* (`rows x 5 x f32`) has one entry per sample; a *uniform value* (`64 x 13 x f32`)
/// has no rows. Axes of operations count the static dimensions only, from 0.
public struct TensorType: Hashable, Sendable {
  /// Whether the value has one entry per row.
  public var hasRows: Bool
  /// The static dimensions, after the rows dimension if there is one.
  public var shape: [Int]
  /// The element type.
  public var dtype: DType

  /// Makes a type.
  public init(hasRows: Bool, shape: [Int], dtype: DType) {
    self.hasRows = hasRows
    self.shape = shape
    self.dtype = dtype
  }

  /// A row value's type, `rows x shape x dtype`.
  public static func row(_ shape: [Int], _ dtype: DType) -> TensorType {
    TensorType(hasRows: true, shape: shape, dtype: dtype)
  }

  /// A uniform value's type, `shape x dtype`.
  public static func uniform(_ shape: [Int], _ dtype: DType) -> TensorType {
    TensorType(hasRows: false, shape: shape, dtype: dtype)
  }

  /// The number of static dimensions.
  public var rank: Int { shape.count }

  /// The number of elements of one row (of the whole value, if it is uniform).
  public var elementCount: Int { Size.product(shape) }

  /// The same type with another shape.
  public func with(shape: [Int]) -> TensorType {
    TensorType(hasRows: hasRows, shape: shape, dtype: dtype)
  }

  /// The same type with another dtype.
  public func with(dtype: DType) -> TensorType {
    TensorType(hasRows: hasRows, shape: shape, dtype: dtype)
  }

  /// The same type with or without rows.
  public func with(hasRows: Bool) -> TensorType {
    TensorType(hasRows: hasRows, shape: shape, dtype: dtype)
  }
}

extension TensorType: CustomStringConvertible {
  /// The type as in the text form.
  public var description: String {
    var text = hasRows ? "rows x " : ""
    for dimension in shape { text += "\(dimension) x " }
    return text + dtype.rawValue
  }
}
