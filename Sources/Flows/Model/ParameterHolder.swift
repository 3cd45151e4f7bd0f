import FlowFiles
import FlowIR
import FlowRuntime

/// Modules together with the values of their parameters: a `Model` or `PrebuiltFlow` for a density,
/// `Parameterized` for anything else.
///
/// It is saved as one safetensors file, with each tensor under its registered name.
public protocol ParameterHolder {
  /// The parameters and buffers in order of registration.
  var parameters: [Parameter] { get }
  /// The values of the float parameters and buffers, by name.
  var values: [String: HostArray] { get set }
}

extension ParameterHolder {
  /// A trainer that minimizes a loss: a closure that returns one number for all rows, such as a mean.
  ///
  ///     let trainer = try vae.trainer([.rows("x", 256), .seed()]) { inputs in
  ///       -vae.base.elbo(inputs[0], seed: inputs[1]).mean()
  ///     }
  ///     for batch in batches { try trainer.step(["x": batch], rows: 128, learningRate: 1e-3) }
  ///     vae.update(from: trainer)
  ///
  /// - Parameters:
  ///   - inputs: the loss's inputs, in order; each step takes them by name.
  ///   - optimizer: the rule of the update.
  ///   - frozen: the names of parameters, or of modules with all of their parameters, that are not trained.
  ///   - seed: decides the random numbers of each step, if the loss draws any.
  ///   - batch: the number of rows that most steps have, if it is known: threads share small batches better then.
  ///   - loss: the closure.
  /// - Throws: `GradientError` for a loss that is not a uniform scalar, `FlowError` for a frozen name that
  ///   no parameter has, `RuntimeError` if there is no compiler.
  public func trainer(
    _ inputs: [Input], optimizer: AdamW = AdamW(), frozen: [String] = [], seed: UInt64 = 0,
    batch: Int? = nil, loss: ([Tensor]) throws -> Tensor
  ) throws -> Trainer {
    let function = try Flows.trace(inputs, name: "loss", parametersAreInputs: true) {
      [("loss", try loss($0))]
    }
    return try Trainer(
      loss: function, parameters: parameters, values: values, optimizer: optimizer,
      frozen: frozen, seed: seed, batch: batch)
  }

  /// Replaces the values by those that a trainer has reached.
  public mutating func update(from trainer: Trainer) { values.merge(trainer.values) { $1 } }
}

extension ParameterHolder {
  /// The tensors as a file's content.
  func stored(metadata: [String: String]) -> SafetensorsFile {
    var file = SafetensorsFile(metadata: metadata)
    for parameter in parameters {
      switch (parameter.storage, parameter.initializer) {
      case (.int64, .values(let values)):
        file[parameter.name] = StoredTensor(values.map { Int64($0) }, shape: parameter.shape)
      case (.bool, .bits(let bits)):
        file[parameter.name] = StoredTensor(bits, shape: parameter.shape)
      default:
        if let array = values[parameter.name] {
          file[parameter.name] =
            array.isFloat64
            ? StoredTensor(array.doubles, shape: parameter.shape)
            : StoredTensor(array.floats, shape: parameter.shape)
        }
      }
    }
    return file
  }
}

extension SafetensorsFile {
  /// Reads the values of parameters; the file must have each in its shape, and no other tensor.
  func values(
    of parameters: [Parameter], isIgnored: (String) -> Bool
  ) throws(FlowError) -> [String: HostArray] {
    var values: [String: HostArray] = [:]
    for parameter in parameters {
      let stored = try checked(parameter)
      if parameter.storage == .float32 {
        // Functions in float64 use all digits of a file that has them.
        values[parameter.name] =
          stored.type == .float64
          ? HostArray(stored.doubles, shape: parameter.shape)
          : HostArray(stored.floats, shape: parameter.shape)
      }
    }
    for name in names where values[name] == nil && !isIgnored(name) {
      guard parameters.contains(where: { $0.name == name }) else { throw .unusedTensor(name: name) }
    }
    return values
  }

  /// The tensor of a parameter, after its type and shape were checked.
  func checked(_ parameter: Parameter) throws(FlowError) -> StoredTensor {
    let types: [StoredType] =
      switch parameter.storage {
      case .float32: [.float32, .float64]
      case .int64: [.int64, .int32]
      case .bool: [.bool, .uint8]
      }
    let expected = "\(types[0].rawValue) \(parameter.shape)"
    guard let stored = self[parameter.name] else {
      throw .missingTensor(name: parameter.name, expected: expected)
    }
    guard types.contains(stored.type), stored.shape == parameter.shape else {
      throw .wrongTensor(
        name: parameter.name, found: "\(stored.type.rawValue) \(stored.shape)", expected: expected)
    }
    return stored
  }
}
