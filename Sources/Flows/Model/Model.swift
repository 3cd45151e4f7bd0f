import FlowFiles
import FlowIR
import FlowRuntime

/// A flow with the values of its parameters: what a model file holds.
public struct Model {
  /// The architecture.
  public let description: FlowDescription
  /// The flow's modules.
  public let flow: Flow
  /// The parameters and buffers in order of registration.
  public let parameters: [Parameter]
  /// The values of the float parameters and buffers, by name.
  public var values: [String: HostArray]

  /// The number of features.
  public var features: Int { description.features }
  /// The number of context features; 0 for none.
  public var context: Int { description.context }

  /// Makes an untrained flow; `seed` decides its random choices and first parameters.
  ///
  /// - Throws: `FlowError` for a description that does not fit.
  public init(_ description: FlowDescription, seed: UInt64 = 0) throws(FlowError) {
    let scope = ModuleScope.root(seed: seed)
    flow = try description.build(in: scope)
    self.description = description
    parameters = scope.registry.parameters
    values = initialValues(of: parameters, seed: seed)
  }

  /// Loads a model file; `isIgnored` says which tensors beside the flow's own may be there.
  ///
  /// - Throws: `FileError`, `JSONError` or `FlowError`.
  public init(
    path: String, isIgnored: (String) -> Bool = { $0.hasPrefix("ref.") }
  ) throws {
    let file = try SafetensorsFile(path: path)
    guard let text = file.metadata["flowir.flow"] else {
      throw FlowError.noDescription(path: path)
    }
    do {
      description = try FlowDescription(text: text)
    } catch let error as JSONError {
      throw FileError.malformed(
        path: path, offset: error.offset,
        reason: "in the description 'flowir.flow': \(error.reason)")
    }
    let scope = ModuleScope(
      registry: .init(checkpoint: FileCheckpoint(file: file), seed: 0), path: "")
    flow = try description.build(in: scope)
    parameters = scope.registry.parameters
    var values: [String: HostArray] = [:]
    for parameter in parameters {
      let stored = try Self.check(parameter, file[parameter.name])
      if parameter.storage == .float32 {
        values[parameter.name] = HostArray(stored.floats, shape: parameter.shape)
      }
    }
    self.values = values
    let known = Set(parameters.map(\.name))
    for name in file.names where !known.contains(name) && !isIgnored(name) {
      throw FlowError.unusedTensor(name: name)
    }
  }

  private static func check(
    _ parameter: Parameter, _ stored: StoredTensor?
  ) throws(FlowError) -> StoredTensor {
    let types: [StoredType] =
      switch parameter.storage {
      case .float32: [.float32, .float64]
      case .int64: [.int64, .int32]
      case .bool: [.bool, .uint8]
      }
    let expected = "\(types[0].rawValue) \(parameter.shape)"
    guard let stored else { throw .missingTensor(name: parameter.name, expected: expected) }
    guard types.contains(stored.type), stored.shape == parameter.shape else {
      throw .wrongTensor(
        name: parameter.name, found: "\(stored.type.rawValue) \(stored.shape)", expected: expected)
    }
    return stored
  }

  /// Writes the model file, whole or not at all; Zuko loads its tensors by `load_state_dict`.
  ///
  /// - Throws: `FileError`.
  public func save(to path: String) throws(FileError) {
    var file = SafetensorsFile(metadata: ["flowir.flow": description.json.text])
    for parameter in parameters {
      switch (parameter.storage, parameter.initializer) {
      case (.int64, .values(let values)):
        file[parameter.name] = StoredTensor(values.map { Int64($0) }, shape: parameter.shape)
      case (.bool, .values(let values)):
        file[parameter.name] = StoredTensor(values.map { $0 != 0 }, shape: parameter.shape)
      default:
        if let array = values[parameter.name] {
          file[parameter.name] = StoredTensor(array.floats, shape: parameter.shape)
        }
      }
    }
    try file.write(to: path)
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
    }
  }
}

/// Values of program-shaping buffers from a file.
struct FileCheckpoint: CheckpointSource {
  let file: SafetensorsFile

  func integers(_ name: String) -> [Int]? {
    guard let tensor = file[name], [.int64, .int32].contains(tensor.type) else { return nil }
    return tensor.doubles.map { Int($0) }
  }

  func booleans(_ name: String) -> [Bool]? {
    guard let tensor = file[name], [.bool, .uint8].contains(tensor.type) else { return nil }
    return tensor.doubles.map { $0 != 0 }
  }

  func contains(_ name: String) -> Bool { file[name] != nil }

  func shape(_ name: String) -> [Int]? { file[name]?.shape }
}

/// First values of float parameters and buffers, by name; `seed` decides the random ones.
public func initialValues(of parameters: [Parameter], seed: UInt64) -> [String: HostArray] {
  var generator = SeededGenerator(seed: seed ^ 0x5bf0_3635)
  var values: [String: HostArray] = [:]
  for parameter in parameters where parameter.storage == .float32 {
    values[parameter.name] = HostArray(
      parameter.initialValues(&generator).map { Float($0) }, shape: parameter.shape)
  }
  return values
}
