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

  /// Whether this type can hold a number: `i32` holds whole numbers in its range, `bool` holds 0 and 1,
  /// and a float type holds every number, rounded.
  public func holds(_ value: Double) -> Bool {
    switch self {
    case .f32, .f64: true
    case .i32: Int32(exactly: value) != nil
    case .bool: value == 0 || value == 1
    }
  }

  /// The numbers that `holds` accepts, in words.
  public var domain: String {
    switch self {
    case .f32, .f64: "any number"
    case .i32: "a whole number from \(Int32.min) to \(Int32.max)"
    case .bool: "0 or 1"
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
