import FlowIR
import FlowRuntime

extension Model {
  /// Fits the parameters to rows by maximum likelihood and keeps the best.
  ///
  /// - Parameters:
  ///   - x: rows x features, row-major.
  ///   - context: rows x context, row-major; empty for a flow without.
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
    _ x: [Float], context: [Float] = [], options: TrainingOptions = TrainingOptions(),
    resume: TrainingCheckpoint? = nil, checkpoint: (TrainingCheckpoint) throws -> Void = { _ in },
    progress: (TrainingProgress) -> Void = { _ in }
  ) throws -> TrainingReport {
    let rows = x.count / features
    guard x.count == rows * features, rows >= 2 else {
      throw FlowError.invalid(
        place: "data", found: "\(x.count) numbers",
        expected: "at least 2 rows of \(features) features")
    }
    guard context.count == rows * self.context else {
      throw FlowError.invalid(
        place: "context", found: "\(context.count) numbers",
        expected: "\(rows) rows of \(self.context) context features")
    }
    var session = try FitSession(
      model: self, x: x, context: context, rows: rows, options: options)
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
