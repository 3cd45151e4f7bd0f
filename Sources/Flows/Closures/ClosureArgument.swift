import FlowIR
import FlowRuntime

/// What a compiled closure is called with: `Rows`, an array for a tensor that all rows share, or a seed.
public protocol ClosureArgument: Sendable {
  /// What the gradient with respect to it is: of its own type, or `Void` for a seed.
  associatedtype Gradient: Sendable
  /// How many rows there are; nil for what all rows share.
  var rowCount: Int? { get }

  /// The numbers for an input of some elements a row, or of a shape if all rows share it.
  ///
  /// - Throws: `RuntimeError.shape` if they are not as many.
  func array(_ name: String, shape: [Int]) throws(RuntimeError) -> HostArray

  /// Reads a gradient; nil for an input without one.
  static func gradient(_ array: HostArray?, shape: [Int]) -> Gradient
}

extension Rows: ClosureArgument {
  /// A table of the same shape.
  public typealias Gradient = Rows
  /// The number of rows.
  public var rowCount: Int? { count }

  /// The rows, whose columns are the elements of a row of the input.
  public func array(_ name: String, shape: [Int]) throws(RuntimeError) -> HostArray {
    guard columns == shape.reduce(1, *) else {
      throw .shape(argument: name, found: [count, columns], expected: [count] + shape)
    }
    return Scalar.array(values, shape: [count] + shape)
  }

  /// Reads a gradient.
  public static func gradient(_ array: HostArray?, shape: [Int]) -> Rows {
    Rows(array.map(Scalar.elements) ?? [], columns: shape.reduce(1, *))
  }
}

extension Array: ClosureArgument where Element: FlowScalar {
  /// As many elements.
  public typealias Gradient = [Element]
  /// All rows share an array.
  public var rowCount: Int? { nil }

  /// The elements in row-major order.
  public func array(_ name: String, shape: [Int]) throws(RuntimeError) -> HostArray {
    guard count == shape.reduce(1, *) else {
      throw .shape(argument: name, found: [count], expected: shape)
    }
    return Element.array(self, shape: shape)
  }

  /// Reads a gradient.
  public static func gradient(_ array: HostArray?, shape: [Int]) -> [Element] {
    array.map(Element.elements) ?? []
  }
}

extension UInt64: ClosureArgument {
  /// There is no gradient with respect to a seed.
  public typealias Gradient = Void
  /// All rows share the seed.
  public var rowCount: Int? { nil }

  /// The two halves of the seed.
  public func array(_ name: String, shape: [Int]) throws(RuntimeError) -> HostArray {
    let halves = [UInt32(truncatingIfNeeded: self), UInt32(self >> 32)]
    return HostArray(halves.map { Int32(bitPattern: $0) }, shape: shape)
  }

  /// There is no gradient with respect to a seed.
  public static func gradient(_ array: HostArray?, shape: [Int]) {}
}

/// What a closure that is compiled returns: a `Tensor`.
public protocol ClosureResult: SendableMetatype {
  /// What a call gives if the closure computes in `Float`.
  associatedtype Floats: Sendable
  /// What a call gives if the closure computes in `Double`.
  associatedtype Doubles: Sendable

  /// The tensor.
  var tensor: Tensor { get }
  /// Reads a result.
  static func floats(_ array: HostArray) -> Floats
  /// Reads a result.
  static func doubles(_ array: HostArray) -> Doubles
}

extension Tensor: ClosureResult {
  /// The tensor itself.
  public var tensor: Tensor { self }
  /// The elements in row-major order, those of a row together.
  public static func floats(_ array: HostArray) -> [Float] { array.floats }
  /// The elements in row-major order, those of a row together.
  public static func doubles(_ array: HostArray) -> [Double] { array.doubles }
}

extension FlowScalar {
  static func array(_ values: [Self], shape: [Int]) -> HostArray {
    if let floats = values as? [Float] { return HostArray(floats, shape: shape) }
    return HostArray(values.map { Double($0) }, shape: shape)
  }

  static func elements(_ array: HostArray) -> [Self] {
    if let floats = array.floats as? [Self] { return floats }
    return array.doubles.map { Self($0) }
  }
}
