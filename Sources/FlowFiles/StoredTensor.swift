import Foundation

/// The element types of stored tensors.
public enum StoredType: String, Hashable, Sendable, CaseIterable {
  /// 8-byte floats.
  case float64 = "F64"
  /// 4-byte floats.
  case float32 = "F32"
  /// 2-byte floats of IEEE 754.
  case float16 = "F16"
  /// The upper half of 4-byte floats.
  case bfloat16 = "BF16"
  /// 8-byte integers.
  case int64 = "I64"
  /// 4-byte integers.
  case int32 = "I32"
  /// 2-byte integers.
  case int16 = "I16"
  /// 1-byte integers.
  case int8 = "I8"
  /// 1-byte integers without sign.
  case uint8 = "U8"
  /// One byte for each, 0 or 1.
  case bool = "BOOL"

  /// The size of an element in bytes.
  public var size: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .int8, .uint8, .bool: 1
    }
  }
}

/// A tensor in a file: type, shape, and its bytes (little-endian, row-major).
public struct StoredTensor: Hashable, Sendable {
  /// The element type.
  public let type: StoredType
  /// The dimensions.
  public let shape: [Int]
  /// The elements, little-endian, row-major.
  public let bytes: Data

  /// Makes a tensor; the bytes must fill the shape.
  public init(type: StoredType, shape: [Int], bytes: Data) {
    precondition(
      bytes.count == shape.reduce(type.size, *),
      "\(bytes.count) bytes do not fill \(type.rawValue) \(shape)")
    self.type = type
    self.shape = shape
    self.bytes = bytes
  }

  /// A float32 tensor.
  public init(_ values: [Float], shape: [Int]) {
    self.init(type: .float32, shape: shape, bytes: values.withUnsafeBytes { Data($0) })
  }

  /// A float64 tensor.
  public init(_ values: [Double], shape: [Int]) {
    self.init(type: .float64, shape: shape, bytes: values.withUnsafeBytes { Data($0) })
  }

  /// An int64 tensor.
  public init(_ values: [Int64], shape: [Int]) {
    self.init(type: .int64, shape: shape, bytes: values.withUnsafeBytes { Data($0) })
  }

  /// A boolean tensor.
  public init(_ values: [Bool], shape: [Int]) {
    self.init(type: .bool, shape: shape, bytes: Data(values.map { $0 ? 1 : 0 }))
  }

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// The elements as doubles; booleans as 0 and 1.
  public var doubles: [Double] {
    switch type {
    case .float64: numbers(Double.self)
    case .float32: numbers(Float.self).map(Double.init)
    case .float16: numbers(UInt16.self).map(Half.double)
    case .bfloat16: numbers(UInt16.self).map { Double(Float(bitPattern: UInt32($0) << 16)) }
    case .int64: numbers(Int64.self).map(Double.init)
    case .int32: numbers(Int32.self).map(Double.init)
    case .int16: numbers(Int16.self).map(Double.init)
    case .int8: numbers(Int8.self).map(Double.init)
    case .uint8, .bool: bytes.map(Double.init)
    }
  }

  /// The elements as floats, rounded if need be.
  public var floats: [Float] { type == .float32 ? numbers(Float.self) : doubles.map { Float($0) } }

  /// The elements as integers, exact; nil for floats.
  public var integers: [Int]? {
    switch type {
    case .int64: numbers(Int64.self).map { Int($0) }
    case .int32: numbers(Int32.self).map { Int($0) }
    case .int16: numbers(Int16.self).map { Int($0) }
    case .int8: numbers(Int8.self).map { Int($0) }
    case .uint8, .bool: bytes.map { Int($0) }
    case .float64, .float32, .float16, .bfloat16: nil
    }
  }

  private func numbers<Number>(_ type: Number.Type) -> [Number] {
    bytes.withUnsafeBytes { raw in
      (0..<count).map {
        raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Number>.size, as: Number.self)
      }
    }
  }
}
