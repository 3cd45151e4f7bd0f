import FlowIR
import FlowRuntime

extension Model {
  /// Fits the parameters to rows by maximum likelihood and keeps the best.
  ///
  /// - Parameters:
  ///   - x: rows x features, row-major.
  ///   - context: rows x context, row-major; empty for a flow without.
  ///   - weights: how much each row counts, 0 or more; nil if all count alike. The loss of a batch and
  ///     all likelihoods are weighted means, so that a whole weight is as if the row stood there that
  ///     many times, and 0 as if it were left out.
  ///   - validation: the rows on which epochs are judged; nil to hold out a share of `x`, as
  ///     `options.validation` says.
  ///   - options: epochs, batches, rates and the rest.
  ///   - resume: a checkpoint to go on from.
  ///   - checkpoint: given the state after each epoch.
  ///   - progress: told how training goes.
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
    var session = try FitSession(
      model: self, data: WeightedRows(x: x, context: context, weights: weights),
      validation: validation, options: options)
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
