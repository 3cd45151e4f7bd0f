import FlowIR
import FlowRuntime

extension Model {
  /// Fits the parameters to rows by maximum likelihood and keeps those of the best epoch.
  ///
  /// - Parameters:
  ///   - x: rows x features, row-major.
  ///   - context: rows x context, row-major; empty for a flow without context.
  ///   - weights: how much each row counts, 0 or more; nil if all count alike. The loss of a batch and
  ///     all likelihoods are weighted means, so an integer weight is equivalent to repeating the row
  ///     that many times, and 0 leaves it out.
  ///   - validation: the rows on which epochs are judged; nil to hold out a share of `x`, as
  ///     `options.validation` says.
  ///   - options: the number of epochs, batch size, learning rate and so on.
  ///   - resume: the checkpoint of an interrupted run to continue.
  ///   - checkpoint: called with the state after epochs, as often as `options.checkpointInterval` says.
  ///   - progress: called every few batches.
  /// - Throws: `FlowError` for data that does not fit, or if the loss becomes NaN or a parameter is no
  ///   longer finite, which leaves the model as it was; `TrainingMismatch` for another run's
  ///   checkpoint; `RuntimeError` if there is no compiler; `CancellationError` if the task is
  ///   cancelled, after which the model has the best parameters so far.
  @discardableResult
  public mutating func fit(
    _ x: [Float], context: [Float] = [], weights: [Float]? = nil,
    validation: WeightedRows? = nil, options: TrainingOptions = TrainingOptions(),
    resume: TrainingCheckpoint? = nil, checkpoint: (TrainingCheckpoint) throws -> Void = { _ in },
    progress: (TrainingProgress) -> Void = { _ in }
  ) throws -> TrainingReport {
    try fit(
      .memory(WeightedRows(x: x, context: context, weights: weights)), validation: validation,
      options: options, resume: resume, checkpoint: checkpoint, progress: progress)
  }

  /// Fits the parameters to rows wherever they are.
  mutating func fit(
    _ data: FitRows, validation: WeightedRows?, options: TrainingOptions,
    resume: TrainingCheckpoint?, checkpoint: (TrainingCheckpoint) throws -> Void,
    progress: (TrainingProgress) -> Void
  ) throws -> TrainingReport {
    var session = try FitSession(
      model: self, data: data, validation: validation, options: options)
    do {
      let report = try session.run(resume: resume, checkpoint: checkpoint, progress: progress)
      for (name, values) in session.bestValues { self.values[name] = values }
      return report
    } catch let error as CancellationError {
      for (name, values) in session.bestValues { self.values[name] = values }
      throw error
    }
  }
}
