/// A value of a function in static single assignment form: the result of one operation, or an
/// argument of the function or of a region.
///
/// The identifier indexes `Function.types`; it is unique within the function, regions included.
public struct Value: Hashable, Sendable {
  /// The index into `Function.types`.
  public let id: Int

  /// Makes the value with an identifier.
  public init(id: Int) { self.id = id }
}

extension Value: Comparable {
  /// Whether a value was made before another.
  public static func < (left: Value, right: Value) -> Bool { left.id < right.id }
}
