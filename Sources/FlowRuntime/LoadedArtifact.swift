import FlowCodegen
import FlowIR

/// A compiled artifact in this process. Nothing is compiled to use it.
public struct LoadedArtifact: Sendable {
  /// Where it is.
  public let path: String
  /// What it states about itself: a JSON object.
  public let description: String
  private let library: ArtifactLibrary

  /// Loads a shared object that `flowir compile` made.
  ///
  /// - Throws: `RuntimeError` if it is none, or can't be loaded here.
  public init(path: String) throws(RuntimeError) {
    self.path = path
    library = try ArtifactLibrary(path: path)
    description = library.description
  }

  /// The functions that it has.
  public var functions: [ArtifactFunction] {
    ArtifactFunction.allCases.filter { library.symbol($0.rawValue) != nil }
  }

  /// A function; sizes and float type are those that the description states.
  ///
  /// - Throws: `RuntimeError.missingFunction` if the artifact was compiled without it.
  public func call(
    _ kind: ArtifactFunction, dtype: DType, features: Int, context: Int
  ) throws(RuntimeError) -> ArtifactCall {
    guard
      let call = ArtifactCall(library, kind, dtype: dtype, features: features, context: context)
    else {
      throw .missingFunction(
        path: path, name: kind.rawValue, known: functions.map(\.rawValue))
    }
    return call
  }
}
