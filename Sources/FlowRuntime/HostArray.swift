/// An array in the host's memory, row-major; rows are the first dimension of a row value.
public struct HostArray: Sendable, Hashable {
  /// The elements.
  public enum Storage: Sendable, Hashable {
    /// 4-byte floats.
    case float32([Float])
    /// 8-byte floats.
    case float64([Double])
    /// 4-byte integers.
    case int32([Int32])
  }

  /// The dimensions, rows included.
  public var shape: [Int]
  /// The elements in row-major order.
  public var storage: Storage

  /// Makes an array; the number of elements must be the product of the dimensions.
  public init(shape: [Int], storage: Storage) {
    self.shape = shape
    self.storage = storage
    precondition(
      count == shape.reduce(1, *), "\(count) elements do not fill an array of shape \(shape)")
  }

  /// Makes a float32 array.
  public init(_ values: [Float], shape: [Int]) {
    self.init(shape: shape, storage: .float32(values))
  }

  /// Makes a float64 array.
  public init(_ values: [Double], shape: [Int]) {
    self.init(shape: shape, storage: .float64(values))
  }

  /// Makes an int32 array.
  public init(_ values: [Int32], shape: [Int]) {
    self.init(shape: shape, storage: .int32(values))
  }

  /// The number of elements.
  public var count: Int {
    switch storage {
    case .float32(let values): values.count
    case .float64(let values): values.count
    case .int32(let values): values.count
    }
  }

  /// Whether the elements are 8-byte floats.
  public var isFloat64: Bool {
    if case .float64 = storage { true } else { false }
  }

  /// The elements as float32, rounded if need be.
  public var floats: [Float] {
    switch storage {
    case .float32(let values): values
    case .float64(let values): values.map(Float.init)
    case .int32(let values): values.map(Float.init)
    }
  }

  /// The elements as float64.
  public var doubles: [Double] {
    switch storage {
    case .float32(let values): values.map(Double.init)
    case .float64(let values): values
    case .int32(let values): values.map(Double.init)
    }
  }

  /// The elements as int32; nil if one of them is not a whole number of 32 bits.
  public var integers: [Int32]? {
    if case .int32(let values) = storage { return values }
    let values = doubles
    let whole = values.compactMap(Int32.init(exactly:))
    return whole.count == values.count ? whole : nil
  }

  /// The elements as int32.
  ///
  /// - Throws: `RuntimeError.notIntegers` if one of them is not a whole number of 32 bits.
  func integers(of argument: String) throws(RuntimeError) -> [Int32] {
    guard let integers else { throw .notIntegers(argument: argument) }
    return integers
  }
}
