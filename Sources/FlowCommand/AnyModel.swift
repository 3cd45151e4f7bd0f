import ArgumentParser
import FlowCodegen
import FlowFiles
import FlowIR
import FlowRuntime
import Flows

/// What MODEL names: a model file, or a shared object that `flowir compile` made.
enum AnyModel {
  case model(Model)
  case compiled(CompiledArtifact)

  /// Loads a shared object by its ending, else a model file.
  init(path: String) throws {
    self =
      path.hasSuffix(".so")
      ? .compiled(try CompiledArtifact(path: path)) : .model(try Model.read(path))
  }

  var features: Int {
    switch self {
    case .model(let model): model.features
    case .compiled(let flow): flow.features
    }
  }

  var context: Int {
    switch self {
    case .model(let model): model.context
    case .compiled(let flow): flow.context
    }
  }

  /// The names of the columns that it was trained on, where they are known.
  var columns: ColumnNames {
    switch self {
    case .model(let model): model.columns
    case .compiled(let flow): flow.description["columns"].flatMap { ColumnNames($0) } ?? .init()
    }
  }

  /// The features whose numbers are those of a grid.
  var discrete: [DiscreteColumn] {
    switch self {
    case .model(let model): model.discrete
    case .compiled(let flow): flow.description["discrete"].flatMap(DiscreteColumn.list) ?? []
    }
  }

  /// Whether the density is an estimate.
  var hasEstimate: Bool {
    switch self {
    case .model(let model): model.hasEstimate
    case .compiled(let flow): FlowDescription.hasEstimate(flow.description["flow"] ?? .null)
    }
  }

  /// The flow with the probes of another seed in its estimates.
  func redrawn(seed: Int, path: String) throws -> AnyModel {
    guard hasEstimate else {
      throw ValidationError(
        "--probe-seed is for a flow whose density is an estimate, and that of \(path) is exact")
    }
    guard case .model(let model) = self else {
      throw ValidationError(
        "--probe-seed needs the model file: the probes of a compiled flow are in its code")
    }
    return .model(try model.redrawn(seed: seed))
  }

  /// The bounds of the features; nil if they are not known.
  var bounds: Bounds? {
    switch self {
    case .model(let model): model.bounds
    case .compiled: nil
    }
  }

  /// The bounds of samples, which those of an ensemble's members give; nil if they are not known.
  var outerBounds: Bounds? {
    switch self {
    case .model(let model): model.outerBounds
    case .compiled: nil
    }
  }

  /// The units of a model whose numbers float32 may not hold; nil if they are not known.
  func units(_ part: KeyPath<Model, ColumnUnits?>) -> ColumnUnits? {
    switch self {
    case .model(let model): model[keyPath: part]
    case .compiled: nil
    }
  }

  /// The flow of rows, contexts or both from which the centres of its units were subtracted.
  func centred(features: Bool, context: Bool) -> AnyModel {
    switch self {
    case .model(let model): .model(model.centred(features: features, context: context))
    case .compiled: self
    }
  }

  /// The float type to compute in: what was asked for, which must be a compiled flow's own.
  func precision(_ options: CommonOptions, path: String) throws -> Precision {
    guard case .compiled(let flow) = self else { return options.dtype ?? .f32 }
    let own: Precision = flow.dtype == .f64 ? .f64 : .f32
    if let wanted = options.dtype, wanted != own {
      throw FileError.mismatch(
        path: path, found: "a flow compiled for \(own.rawValue)",
        expected: "\(wanted.rawValue); compile it with --dtype \(wanted.rawValue)")
    }
    return own
  }

  /// The flow in machine code, in the type that it was compiled for.
  func compiled<Number: RowNumber>(as type: Number.Type) throws -> CompiledFlow<Number> {
    switch self {
    case .model(let model): try model.compiled(type)
    case .compiled(let flow): try CompiledFlow(flow)
    }
  }

  /// One of the flow's functions, ready to be called.
  func function(
    _ kind: ArtifactFunction, _ options: CommonOptions, sharedContext: Bool = false
  ) throws -> any RowFunction {
    switch self {
    case .model(let model):
      let function = try model.function(
        .compiled(kind), dtype: (options.dtype ?? .f32).dtype, sharedContext: sharedContext)
      return try CompiledFunction(function, groups: "context").bind(
        model.values, threads: options.threads)
    case .compiled(let flow): return try flow.function(kind)
    }
  }
}

extension Model {
  /// Reads a model file; whatever is wrong with it, the error names the file.
  static func read(_ path: String) throws -> Model {
    do {
      return try Model(path: path)
    } catch let error as FlowError {
      if case .noDescription = error { throw error }
      throw ModelFileError(path: path, error: error)
    }
  }
}

/// A model file whose description can't be built, or does not fit its tensors.
struct ModelFileError: Error, CustomStringConvertible {
  let path: String
  let error: FlowError
  var description: String { "\(path): \(error)" }
}
