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
    let (units, contextUnits) = (rowUnits, contextUnits)
    func centred(_ x: Rows<Float>, _ context: Rows<Float>?, _ weights: [Float]?) -> WeightedRows {
      WeightedRows(
        x: units?.centred(x.values) ?? x.values,
        context: context.map { contextUnits?.centred($0.values) ?? $0.values } ?? [],
        weights: weights)
    }
    var judged: WeightedRows?
    if let validation {
      try check(validation, validationContext, names: ("validation", "validationContext"))
      judged = centred(validation, validationContext, validationWeights)
    } else if validationContext != nil || validationWeights != nil {
      throw FlowError.invalid(
        place: "validation", found: "nothing",
        expected: "the rows that the validation context and weights belong to")
    }
    if let names = x.columnNames { columns.x = names }
    if let names = context?.columnNames { columns.context = names }
    let rows = centred(x, context, weights)
    var model = self.centred()
    defer { update(from: model) }
    return try model.fit(
      rows.x, context: rows.context, weights: weights, validation: judged, options: options,
      progress: progress)
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
