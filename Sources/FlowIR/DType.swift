/// The element type of a tensor.
public enum DType: String, Hashable, Sendable, CaseIterable {
  /// 4-byte floats.
  case f32
  /// 8-byte floats.
  case f64
  /// 4-byte integers.
  case i32
  /// Truth values.
  case bool

  /// Whether values of this type are real numbers.
  public var isFloat: Bool {
    switch self {
    case .f32, .f64: true
    case .i32, .bool: false
    }
  }

  /// The bytes of a number of this type in arrays and files.
  public var byteCount: Int {
    switch self {
    case .f32, .i32: 4
    case .f64: 8
    case .bool: 1
    }
  }
}
