/// What a flow's function reads and gives, by the names of the intermediate representation.
///
/// This is the one list that a model's traced functions, the C interface and its header, compiled flows and
/// the command line follow. Every function also reads `context` if the flow has one.
public struct FunctionSignature: Hashable, Sendable {
  /// How large a result is.
  public enum Size: Hashable, Sendable {
    /// One number for each row.
    case one
    /// As many numbers for each row as the flow has features.
    case features
    /// As many numbers for each row as the flow has context features; not there without any.
    case context
    /// One number for all rows.
    case uniform
    /// A tensor of its shape for each parameter that is trained, named after it.
    case parameters

    /// How many numbers a row of the result has; nil for what all rows share.
    public func columns(features: Int, context: Int) -> Int? {
      switch self {
      case .one: 1
      case .features: features
      case .context: context
      case .uniform, .parameters: nil
      }
    }
  }

  /// One result.
  public struct Output: Hashable, Sendable {
    /// Its name; for `Size.parameters`, what the names start with.
    public let name: String
    /// How large it is.
    public let size: Size
    /// Whether a caller in C may pass NULL for it.
    public let isOptional: Bool

    /// Describes a result.
    public init(_ name: String, _ size: Size, isOptional: Bool = false) {
      self.name = name
      self.size = size
      self.isOptional = isOptional
    }
  }

  /// What is read beside the context: rows of features named `x` or `z`, or a `seed`.
  public let input: String
  /// Further rows of features, which are read after the context: vectors that belong to the rows.
  public let vectors: String?
  private let all: [Output]

  /// Describes a function by its inputs and its results, in order.
  public init(_ input: String, vectors: String? = nil, _ outputs: Output...) {
    self.input = input
    self.vectors = vectors
    all = outputs
  }

  /// The names of what is read.
  public func inputs(hasContext: Bool) -> [String] {
    [input] + (hasContext ? ["context"] : []) + (vectors.map { [$0] } ?? [])
  }

  /// The results, in order.
  public func outputs(hasContext: Bool) -> [Output] {
    all.filter { hasContext || $0.size != .context }
  }
}
