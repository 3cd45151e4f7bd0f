import FlowFiles

extension Model {
  /// Fits the parameters to rows by maximum likelihood and keeps the best; other tasks go on meanwhile.
  ///
  /// - Parameters:
  ///   - x: the rows.
  ///   - context: the context of each row; nil for a flow without.
  ///   - options: epochs, batches, rates and the rest.
  ///   - progress: told how training goes, every few batches.
  /// - Returns: how training ended.
  /// - Throws: `FlowError` for data that does not fit, or if the loss becomes NaN, which leaves the
  ///   model as it was; `RuntimeError` if there is no compiler; `CancellationError` if the task is
  ///   cancelled, after which the model has the best parameters so far.
  @discardableResult
  public mutating func fit(
    _ x: Rows<Float>, context: Rows<Float>? = nil, options: TrainingOptions = TrainingOptions(),
    progress: @Sendable (TrainingProgress) -> Void = { _ in }
  ) async throws -> TrainingReport {
    guard x.columns == features else {
      throw FlowError.invalid(
        place: "x", found: "\(x.columns) columns", expected: "\(features) features")
    }
    if let context, context.columns != self.context || context.count != x.count {
      throw FlowError.invalid(
        place: "context", found: "\(context.count) rows of \(context.columns) columns",
        expected: "\(x.count) rows of \(self.context) context features")
    }
    return try fit(
      x.values, context: context?.values ?? [], options: options, progress: progress)
  }
}
