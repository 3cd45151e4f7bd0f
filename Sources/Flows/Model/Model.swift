import FlowFiles
import FlowIR
import FlowRuntime

/// A density with the values of its parameters: what a model file holds.
///
/// It is made from the description of a flow of Zuko's parts, or by a closure that builds custom modules:
///
///     var model = try Model(features: 2) { scope in
///       Flow(
///         transform: try MaskedAutoregressiveTransform(
///           features: 2, univariate: .sinhArcsinh, in: scope.child("transform")),
///         base: StudentT(features: 2, in: scope.child("base")))
///     }
public struct Model: ParameterHolder {
  /// The description of a flow of Zuko's parts; nil for a model that a closure built.
  public let description: FlowDescription?
  /// The flow's modules. A density that is not a `Flow` becomes the base of a flow without transforms.
  public let flow: Flow
  /// The number of features.
  public let features: Int
  /// The number of context features; 0 for none.
  public let context: Int
  /// The parameters and buffers in order of registration.
  public let parameters: [Parameter]
  /// The names of the columns that it was trained on, where they are known.
  public var columns = ColumnNames()
  /// The features whose numbers are those of a grid; see `setDiscrete`.
  public internal(set) var discrete: [DiscreteColumn] = []
  /// The values of the float parameters and buffers, by name.
  public var values: [String: HostArray]

  /// Makes an untrained flow; `seed` decides its random choices and first parameters.
  ///
  /// - Throws: `FlowError` for a description that does not fit.
  public init(_ description: FlowDescription, seed: UInt64 = 0) throws(FlowError) {
    try self.init(description, in: .root(seed: seed))
    values = initialValues(of: parameters, seed: seed)
  }

  /// Builds a described flow in a scope, with the values of no parameter.
  init(_ description: FlowDescription, in scope: ModuleScope) throws(FlowError) {
    flow = try description.build(in: scope)
    try scope.registry.validate()
    self.description = description
    features = description.features
    context = description.context
    parameters = scope.registry.parameters
    values = [:]
  }

  /// Makes an untrained flow of an architecture; `seed` decides its random choices and first parameters.
  ///
  /// - Throws: `FlowError` for an argument out of its range.
  public init(
    _ architecture: Architecture, features: Int, context: Int = 0, seed: UInt64 = 0
  ) throws(FlowError) {
    try self.init(
      FlowDescription(architecture, features: features, context: context), seed: seed)
  }

  /// Loads a model file; `isIgnored` tells which tensors, besides the flow's own, the file may
  /// have.
  ///
  /// - Throws: `FileError`, `JSONError` or `FlowError`.
  public init(
    path: String, isIgnored: (String) -> Bool = { $0.hasPrefix("ref.") }
  ) throws {
    let file = try SafetensorsFile(path: path)
    guard let text = file.metadata["flowir.flow"] else {
      throw FlowError.noDescription(path: path)
    }
    let description: FlowDescription
    do {
      description = try FlowDescription(text: text)
    } catch let error as JSONError {
      throw FileError.malformed(
        path: path, offset: error.offset,
        reason: "in the description 'flowir.flow': \(error.reason)")
    }
    let scope = ModuleScope(
      registry: .init(checkpoint: FileCheckpoint(file: file), seed: 0), path: "")
    try self.init(description, in: scope)
    values = try file.values(of: parameters, isIgnored: isIgnored)
    columns = try file.columnNames(path: path, features: features, context: context)
    try readDiscrete(file, path: path)
  }

  /// Writes the model file, whole or not at all; Zuko loads the tensors of a described flow by
  /// `load_state_dict`.
  ///
  /// - Throws: `FileError`, also if a trained parameter is not finite.
  public func save(to path: String) throws(FileError) {
    let outputs = Outputs()
    try save(to: outputs.open(path))
    try outputs.commit()
  }

  /// Writes the model to an output of a transaction.
  ///
  /// - Throws: `FileError`, also if a trained parameter is not finite.
  public func save(to file: OutputFile) throws(FileError) {
    for parameter in parameters where parameter.isTrainable {
      guard let values = values[parameter.name]?.floats,
        let bad = values.first(where: { !$0.isFinite })
      else { continue }
      throw .tensor(
        path: file.path, name: parameter.name,
        reason: "holds \(bad), so the model is not written; train with a lower learning rate")
    }
    var metadata: [String: String] = [:]
    metadata["flowir.flow"] = description?.json.text
    if !columns.isEmpty { metadata[ColumnNames.key] = columns.json.text }
    if !discrete.isEmpty {
      metadata[DiscreteColumn.key] = JSONValue.array(discrete.map(\.json)).text
    }
    try stored(metadata: metadata).write(to: file)
  }
}

extension Model {
  /// Makes an untrained density of custom modules. The closure builds them in the given scope, where they
  /// register their parameters; `seed` decides random choices and initial values.
  public init(
    features: Int, context: Int = 0, seed: UInt64 = 0,
    _ build: (ModuleScope) throws -> any LazyDistribution
  ) rethrows {
    let modules = try Parameterized(seed: seed, build)
    self.init(modules, features: features, context: context)
  }

  /// Builds the modules again with the values of a file that `save` wrote, including orders and masks.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - features: the number of features.
  ///   - context: the number of context features; 0 for none.
  ///   - isIgnored: tells which tensors, besides the modules' own, the file may have.
  ///   - build: builds the modules.
  /// - Throws: `FileError` if the file can't be read, `FlowError` for a tensor that is missing, unused
  ///   or of another shape.
  public init(
    path: String, features: Int, context: Int = 0, isIgnored: (String) -> Bool = { _ in false },
    _ build: (ModuleScope) throws -> any LazyDistribution
  ) throws {
    let modules = try Parameterized(path: path, isIgnored: isIgnored, build)
    self.init(modules, features: features, context: context)
  }

  private init(
    _ modules: Parameterized<any LazyDistribution>, features: Int, context: Int
  ) {
    description = nil
    flow =
      switch modules.base {
      case let flow as Flow: flow
      case let prebuilt as any PrebuiltFlow: prebuilt.model.flow
      case let density: Flow(transform: LazyComposedTransform([]), base: density)
      }
    self.features = features
    self.context = context
    parameters = modules.parameters
    values = modules.values
  }
}

extension Parameter {
  func initialValues(_ generator: inout SeededGenerator) -> [Double] {
    switch initializer {
    case .zeros: return Array(repeating: 0, count: count)
    case .ones: return Array(repeating: 1, count: count)
    case .uniform(let bound):
      return (0..<count).map { _ in (2 * generator.uniform() - 1) * bound }
    case .normal(let mean, let deviation):
      return (0..<count).map { _ in mean + deviation * generator.normal() }
    case .values(let values): return values
    case .bits(let bits): return bits.map { $0 ? 1 : 0 }
    }
  }
}

/// A file as the source of the buffers that decide a flow's structure.
struct FileCheckpoint: CheckpointSource {
  let file: SafetensorsFile

  func integers(_ name: String) -> [Int]? {
    guard let tensor = file[name], [.int64, .int32].contains(tensor.type) else { return nil }
    return tensor.integers
  }

  func booleans(_ name: String) -> [Bool]? {
    guard let tensor = file[name], [.bool, .uint8].contains(tensor.type) else { return nil }
    return tensor.bytes.withUnsafeBytes { bytes in bytes.map { $0 != 0 } }
  }

  func contains(_ name: String) -> Bool { file[name] != nil }

  func shape(_ name: String) -> [Int]? { file[name]?.shape }

  func check(_ parameter: Parameter) throws(FlowError) {
    if file[parameter.name] == nil, let dot = parameter.name.lastIndex(of: ".") {
      // Older releases named it by its position.
      let positional = parameter.name[...dot] + "_0"
      if file[String(positional)] != nil {
        throw .olderName(name: String(positional), expected: parameter.name)
      }
    }
    _ = try file.checked(parameter)
  }

  var isEmpty: Bool { false }
}

/// Initial values of float parameters and buffers, by name; `seed` decides the random ones.
public func initialValues(of parameters: [Parameter], seed: UInt64) -> [String: HostArray] {
  var generator = SeededGenerator(seed: seed ^ 0x5bf0_3635)
  var values: [String: HostArray] = [:]
  for parameter in parameters where parameter.storage == .float32 {
    values[parameter.name] = HostArray(
      parameter.initialValues(&generator).map { Float($0) }, shape: parameter.shape)
  }
  return values
}
