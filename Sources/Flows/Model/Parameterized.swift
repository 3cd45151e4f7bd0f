import FlowFiles
import FlowRuntime

/// Any modules with the values of their parameters: a network, an auto-encoder, several flows in one,
/// a posterior over a flow's parameters.
///
///     var vae = try Parameterized(seed: 1) { try VariationalAutoencoder(pixels: 256, in: $0) }
///     let trainer = try vae.trainer([.rows("x", 256), .seed()]) { inputs in
///       -vae.base.elbo(inputs[0], seed: inputs[1]).mean()
///     }
///     …
///     vae.update(from: trainer)
///     try vae.save(to: "vae.safetensors")
///
/// For a single density use a `Model`, which can also be fitted, scored and sampled.
public struct Parameterized<Base>: ParameterHolder {
  /// The modules.
  public let base: Base
  /// The parameters and buffers in order of registration.
  public let parameters: [Parameter]
  /// The values of the float parameters and buffers, by name.
  public var values: [String: HostArray]

  /// Builds modules in a scope that they register their parameters in; `seed` decides random choices
  /// and first values.
  public init(seed: UInt64 = 0, _ build: (ModuleScope) throws -> Base) rethrows {
    let scope = ModuleScope.root(seed: seed)
    base = try build(scope)
    parameters = scope.registry.parameters
    values = initialValues(of: parameters, seed: seed)
  }

  /// Builds the modules again with the values of a file that `save` wrote, including orders and masks.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - isIgnored: tells which tensors, besides the modules' own, the file may have.
  ///   - build: builds the modules.
  /// - Throws: `FileError` if the file can't be read, `FlowError` for a tensor that is missing, unused
  ///   or of another shape.
  public init(
    path: String, isIgnored: (String) -> Bool = { _ in false },
    _ build: (ModuleScope) throws -> Base
  ) throws {
    let file = try SafetensorsFile(path: path)
    let scope = ModuleScope(
      registry: .init(checkpoint: FileCheckpoint(file: file), seed: 0), path: "")
    base = try build(scope)
    parameters = scope.registry.parameters
    values = try file.values(of: parameters, isIgnored: isIgnored)
  }

  /// Writes a safetensors file, whole or not at all.
  ///
  /// - Throws: `FileError`.
  public func save(to path: String, metadata: [String: String] = [:]) throws(FileError) {
    try stored(metadata: metadata).write(to: path)
  }
}
