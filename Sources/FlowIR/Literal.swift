/// The payload of a constant: a uniform type and its elements in row-major order.
///
/// Elements are held as doubles whatever the dtype (`bool` as 0 and 1). A literal whose elements
/// are all alike is stored once.
public struct Literal: Hashable, Sendable {
  /// The type; never a row type.
  public let type: TensorType
  /// One element if the literal is a splat, otherwise `type.elementCount` of them.
  public let storage: [Double]

  /// Makes a literal from all its elements, in row-major order.
  public init(_ values: [Double], shape: [Int], dtype: DType) {
    let type = TensorType.uniform(shape, dtype)
    precondition(
      values.count == type.elementCount,
      "a literal of type \(type) needs \(type.elementCount) elements, found \(values.count)")
    self.type = type
    let isSplat = values.dropFirst().allSatisfy { $0.bitPattern == values[0].bitPattern }
    self.storage = isSplat && !values.isEmpty ? [values[0]] : values
  }

  /// Makes a literal whose elements are all `value`.
  public init(splat value: Double, shape: [Int] = [], dtype: DType) {
    self.type = .uniform(shape, dtype)
    self.storage = [value]
  }

  /// The one element that all are equal to, if there is one.
  public var splat: Double? { storage.count == 1 ? storage[0] : nil }

  /// All elements in row-major order.
  public var values: [Double] {
    storage.count == type.elementCount
      ? storage : Array(repeating: storage[0], count: type.elementCount)
  }

  /// Whether two literals have the same type and the same bits: NaN equals itself, 0 differs from -0.
  public static func == (left: Literal, right: Literal) -> Bool {
    left.type == right.type && left.storage.count == right.storage.count
      && zip(left.storage, right.storage).allSatisfy { $0.bitPattern == $1.bitPattern }
  }

  /// Feeds type and elements to a hasher.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    hasher.combine(storage.count)
    for value in storage.prefix(16) { hasher.combine(value.bitPattern) }
  }
}
