import FlowIR

/// An input of a traced function: its name, and its type in a given float type.
public struct Input: Sendable {
  let name: String
  let type: @Sendable (DType) -> TensorType

  /// One vector (or tensor) for each row.
  public static func rows(_ name: String, _ shape: Int...) -> Input { rows(name, shape: shape) }

  /// One tensor that all rows share.
  public static func uniform(_ name: String, _ shape: Int...) -> Input {
    uniform(name, shape: shape)
  }

  /// The seed of random numbers.
  public static func seed(_ name: String = "seed") -> Input {
    Input(name: name) { _ in .uniform([2], .i32) }
  }

  static func rows(_ name: String, shape: [Int]) -> Input {
    Input(name: name) { .row(shape, $0) }
  }

  static func uniform(_ name: String, shape: [Int]) -> Input {
    Input(name: name) { .uniform(shape, $0) }
  }

  private init(name: String, type: @escaping @Sendable (DType) -> TensorType) {
    self.name = name
    self.type = type
  }

  /// Adds the input to a function that is being traced.
  func tensor(in trace: Trace) -> Tensor {
    Tensor(trace, trace.builder.argument(name, type(trace.dtype)))
  }
}

/// An input of a closure that is compiled: `.rows`, `.uniform` or `.seed`.
public protocol ClosureInput: Sendable {
  /// What stands for the input in the closure.
  associatedtype Traced
  /// What a call passes if the closure computes in `Float`.
  associatedtype Floats: ClosureArgument
  /// What a call passes if the closure computes in `Double`.
  associatedtype Doubles: ClosureArgument

  /// The input's name and type.
  var input: Input { get }
  /// Adds the input to a function that is being traced.
  func tensor(in trace: Trace) -> Traced
}

/// A table, of which the closure sees one row.
public struct RowsInput: ClosureInput {
  /// Rows of floats.
  public typealias Floats = Rows<Float>
  /// Rows of doubles.
  public typealias Doubles = Rows<Double>
  /// The input's name and type.
  public let input: Input
  /// Adds the input to a function that is being traced.
  public func tensor(in trace: Trace) -> Tensor { input.tensor(in: trace) }
}

/// A tensor that all rows share.
public struct UniformInput: ClosureInput {
  /// The elements in row-major order.
  public typealias Floats = [Float]
  /// The elements in row-major order.
  public typealias Doubles = [Double]
  /// The input's name and type.
  public let input: Input
  /// Adds the input to a function that is being traced.
  public func tensor(in trace: Trace) -> Tensor { input.tensor(in: trace) }
}

/// The seed of a closure's random numbers.
public struct SeedInput: ClosureInput {
  /// The seed.
  public typealias Floats = UInt64
  /// The seed.
  public typealias Doubles = UInt64
  /// The input's name and type.
  public let input: Input
  /// Adds the input to a function that is being traced.
  public func tensor(in trace: Trace) -> Tensor { input.tensor(in: trace) }
}

extension ClosureInput where Self == RowsInput {
  /// A table, of which the closure sees one row: a vector of so many columns, or a tensor of a shape.
  public static func rows(_ name: String, _ shape: Int...) -> RowsInput {
    RowsInput(input: .rows(name, shape: shape))
  }
}

extension ClosureInput where Self == UniformInput {
  /// A tensor that all rows share.
  public static func uniform(_ name: String, _ shape: Int...) -> UniformInput {
    UniformInput(input: .uniform(name, shape: shape))
  }
}

extension ClosureInput where Self == SeedInput {
  /// The seed of random numbers.
  public static func seed(_ name: String = "seed") -> SeedInput {
    SeedInput(input: .seed(name))
  }
}
