import FlowCodegen
import FlowFiles
import FlowIR
import FlowRuntime

/// A function that takes rows by name and gives rows by name.
public protocol RowFunction: Sendable {
  /// Calls the function; `firstRow` is the number of the first row in a sample.
  func callAsFunction(
    _ inputs: [String: HostArray], rows: Int, firstRow: Int, threads: Int?
  ) throws -> [String: HostArray]
}

extension BoundFunction: RowFunction {}
extension ArtifactCall: RowFunction {}

/// A loaded shared object that `flowir compile` made, for programs that learn its float type at run time.
///
/// Programs that know the type in advance use `CompiledFlow(contentsOf:)`.
public struct CompiledArtifact: Sendable {
  /// What the artifact states about itself: the flow, dtype, functions, processor, compiler.
  public let description: JSONValue
  /// The number of features.
  public let features: Int
  /// The number of context features; 0 for none.
  public let context: Int
  /// The float type that it computes in.
  public let dtype: DType
  private let artifact: LoadedArtifact

  /// Loads a shared object.
  ///
  /// - Throws: `RuntimeError` if it is not an artifact or can't be loaded.
  public init(path: String) throws(RuntimeError) {
    artifact = try LoadedArtifact(path: path)
    func malformed(_ reason: String) -> RuntimeError {
      .notAnArtifact(path: path, reason: "has a malformed description (\(reason))")
    }
    do {
      description = try JSONValue.parse(artifact.description.utf8)
    } catch {
      throw malformed("\(error.reason) at byte \(error.offset)")
    }
    guard case .integer(let features)? = description["features"], features > 0,
      case .integer(let context)? = description["context"], context >= 0
    else { throw malformed("no features or context") }
    guard case .string(let name)? = description["dtype"], let dtype = DType(rawValue: name),
      dtype.isFloat
    else { throw malformed("no dtype") }
    self.features = features
    self.context = context
    self.dtype = dtype
  }

  /// Where it was loaded from.
  public var path: String { artifact.path }

  /// The functions that it has.
  public var functions: [ArtifactFunction] { artifact.functions }

  /// One of its functions.
  ///
  /// - Throws: `RuntimeError.missingFunction` if it was compiled without it.
  public func function(_ kind: ArtifactFunction) throws(RuntimeError) -> ArtifactCall {
    try artifact.call(kind, dtype: dtype, features: features, context: context)
  }
}
