import FlowFiles
import FlowRuntime

/// The members that a flow forwards to its model.
extension PrebuiltFlow {
  /// The parameters and buffers in order of registration.
  public var parameters: [Parameter] { model.parameters }

  /// The values of the float parameters and buffers, by name.
  public var values: [String: HostArray] {
    get { model.values }
    set { model.values = newValue }
  }

  /// Puts the features between bounds; see `Model.bound`.
  public mutating func bound(_ bounds: Bounds) throws(FlowError) { try model.bound(bounds) }

  /// Gives features of a circle their periods; see `Model.setPeriods`.
  public mutating func setPeriods(
    _ periods: [Int: (period: Double, centre: Double)]
  ) throws(FlowError) {
    try model.setPeriods(periods)
  }

  /// Puts the flow in the units of a table; see `Model.standardize`.
  public mutating func standardize<Scalar: FlowScalar>(
    _ x: Rows<Scalar>, context: Rows<Scalar>? = nil, weights: [Float]? = nil,
    by method: Standardization = .deviation
  ) throws(FlowError) {
    try model.standardize(x, context: context, weights: weights, by: method)
  }

  /// Fits the parameters to rows by maximum likelihood and keeps the best; see `Model.fit`.
  @discardableResult
  public mutating func fit(
    _ x: Rows<Float>, context: Rows<Float>? = nil, weights: [Float]? = nil,
    validation: Rows<Float>? = nil, validationContext: Rows<Float>? = nil,
    validationWeights: [Float]? = nil, options: TrainingOptions = TrainingOptions(),
    progress: @Sendable (TrainingProgress) -> Void = { _ in }
  ) async throws -> TrainingReport {
    try await model.fit(
      x, context: context, weights: weights, validation: validation,
      validationContext: validationContext, validationWeights: validationWeights,
      options: options, progress: progress)
  }

  /// Puts the flow in the units of a file; see `Model.standardize`.
  public mutating func standardize(
    _ x: RowFile, context: RowFile? = nil, weights: RowFile? = nil,
    by method: Standardization = .deviation
  ) throws {
    try model.standardize(x, context: context, weights: weights, by: method)
  }

  /// Fits the parameters to the rows of files, which may be larger than memory; see `Model.fit`.
  @discardableResult
  public mutating func fit(
    _ x: RowFile, context: RowFile? = nil, weights: RowFile? = nil,
    validation: Rows<Float>? = nil, validationContext: Rows<Float>? = nil,
    validationWeights: [Float]? = nil, options: TrainingOptions = TrainingOptions(),
    resume: TrainingCheckpoint? = nil,
    checkpoint: @Sendable (TrainingCheckpoint) throws -> Void = { _ in },
    progress: @Sendable (TrainingProgress) -> Void = { _ in }
  ) async throws -> TrainingReport {
    try await model.fit(
      x, context: context, weights: weights, validation: validation,
      validationContext: validationContext, validationWeights: validationWeights,
      options: options, resume: resume, checkpoint: checkpoint, progress: progress)
  }

  /// The flow in machine code, with the current parameter values.
  ///
  /// - Parameter scalar: the type that it computes in.
  /// - Throws: `RuntimeError` if there is no compiler.
  public func compiled<Scalar: FlowScalar>(
    _ scalar: Scalar.Type = Float.self
  ) throws(RuntimeError) -> CompiledFlow<Scalar> {
    try model.compiled(scalar)
  }

  /// Writes the model file, whole or not at all; Zuko loads its tensors by `load_state_dict`.
  ///
  /// - Throws: `FileError`.
  public func save(to path: String) throws(FileError) { try model.save(to: path) }
}
