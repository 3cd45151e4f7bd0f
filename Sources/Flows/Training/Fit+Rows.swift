import FlowFiles

extension Model {
  /// Fits the parameters to rows by maximum likelihood and keeps those of the best epoch.
  ///
  /// - Parameters:
  ///   - x: the rows.
  ///   - context: the context of each row; nil for a flow without context.
  ///   - weights: how much each row counts, 0 or more; nil if all count alike. An integer weight is
  ///     equivalent to repeating the row that many times; 0 leaves it out.
  ///   - validation: the rows on which epochs are judged; nil to hold out a share of `x`, as
  ///     `options.validation` says.
  ///   - validationContext: the context of each validation row.
  ///   - validationWeights: the weight of each validation row; nil if all count alike.
  ///   - options: the number of epochs, batch size, learning rate and so on.
  ///   - progress: called every few batches.
  /// - Returns: how training ended.
  /// - Throws: `FlowError` for data that does not fit, or if the loss becomes NaN, which leaves the
  ///   model as it was; `RuntimeError` if there is no compiler; `CancellationError` if the task is
  ///   cancelled, after which the model has the best parameters so far.
  @discardableResult
  public mutating func fit(
    _ x: Rows<Float>, context: Rows<Float>? = nil, weights: [Float]? = nil,
    validation: Rows<Float>? = nil, validationContext: Rows<Float>? = nil,
    validationWeights: [Float]? = nil, options: TrainingOptions = TrainingOptions(),
    progress: @Sendable (TrainingProgress) -> Void = { _ in }
  ) async throws -> TrainingReport {
    try check(x, context, names: ("x", "context"))
    let judged = try judged(validation, validationContext, validationWeights)
    if let names = x.columnNames { columns.x = names }
    if let names = context?.columnNames { columns.context = names }
    let rows = centredRows(x, context, weights)
    var model = self.centred()
    defer { update(from: model) }
    return try model.fit(
      rows.x, context: rows.context, weights: weights, validation: judged, options: options,
      progress: progress)
  }

  /// Rows minus the centre of the model's units.
  private func centredRows(
    _ x: Rows<Float>, _ context: Rows<Float>?, _ weights: [Float]?
  ) -> WeightedRows {
    WeightedRows(
      x: rowUnits?.centred(x.values) ?? x.values,
      context: context.map { contextUnits?.centred($0.values) ?? $0.values } ?? [],
      weights: weights)
  }

  /// The rows that epochs are judged on, centred; nil if there are none.
  ///
  /// - Throws: `FlowError` for tables that do not fit.
  func judged(
    _ validation: Rows<Float>?, _ context: Rows<Float>?, _ weights: [Float]?
  ) throws(FlowError) -> WeightedRows? {
    guard let validation else {
      guard context == nil, weights == nil else {
        throw .invalid(
          place: "validation", found: "nothing",
          expected: "the rows that the validation context and weights belong to")
      }
      return nil
    }
    try check(validation, context, names: ("validation", "validationContext"))
    return centredRows(validation, context, weights)
  }

  private func check(
    _ x: Rows<Float>, _ context: Rows<Float>?, names: (x: String, context: String)
  ) throws(FlowError) {
    guard x.columns == features else {
      throw .invalid(
        place: names.x, found: "\(x.columns) columns", expected: "\(features) features")
    }
    if let context, context.columns != self.context || context.count != x.count {
      throw .invalid(
        place: names.context, found: "\(context.count) rows of \(context.columns) columns",
        expected: "\(x.count) rows of \(self.context) context features")
    }
  }
}
