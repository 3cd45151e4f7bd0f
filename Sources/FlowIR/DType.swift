/// The element type of a tensor.
public enum DType: String, Hashable, Sendable, CaseIterable {
  case f32
  case f64
  case i32
  case bool

  /// Whether values of this type are real numbers.
  public var isFloat: Bool {
    switch self {
    case .f32, .f64: true
    case .i32, .bool: false
    }
  }
}
