import FlowFiles

extension Model {
  /// Fits the parameters to the rows of files, which may be larger than memory, by maximum likelihood and keeps those
  /// of the best epoch.
  ///
  /// What fits in `options.memory` is read into memory, and is fitted as `Rows` are. Otherwise files are read in
  /// blocks of neighbouring rows. An epoch takes the blocks in a random order, some hundreds at a time as a pool,
  /// and the rows of a pool in a random order; each row comes once. A share of each block is held out, of all at most
  /// 1,000,000 rows, which are kept in memory; without held-out rows epochs are judged on as many training rows.
  ///
  ///     let x = try RowFile("x.npy"), c = try RowFile("c.npy")
  ///     try flow.standardize(x, context: c)
  ///     try await flow.fit(x, context: c)
  ///
  /// - Parameters:
  ///   - x: the rows.
  ///   - context: the context of each row; nil for a flow without context.
  ///   - weights: one column: how much each row counts, 0 or more; nil if all count alike.
  ///   - validation: the rows on which epochs are judged; nil to hold out a share of `x`, as
  ///     `options.validation` says.
  ///   - validationContext: the context of each validation row.
  ///   - validationWeights: the weight of each validation row; nil if all count alike.
  ///   - options: the number of epochs, batch size, learning rate and so on.
  ///   - resume: the checkpoint of an interrupted run to continue.
  ///   - checkpoint: called with the state after epochs, as often as `options.checkpointInterval` says.
  ///   - progress: called every few batches.
  /// - Returns: how training ended.
  /// - Throws: `FileError` for a file that can't be read, that changed since it was opened, or that does not fit the
  ///   others; else as `fit` of `Rows`.
  @discardableResult
  public mutating func fit(
    _ x: RowFile, context: RowFile? = nil, weights: RowFile? = nil,
    validation: Rows<Float>? = nil, validationContext: Rows<Float>? = nil,
    validationWeights: [Float]? = nil, options: TrainingOptions = TrainingOptions(),
    resume: TrainingCheckpoint? = nil,
    checkpoint: @Sendable (TrainingCheckpoint) throws -> Void = { _ in },
    progress: @Sendable (TrainingProgress) -> Void = { _ in }
  ) async throws -> TrainingReport {
    let judged = try judged(validation, validationContext, validationWeights)
    return try fit(
      files: x, context: context, weights: weights, judged: judged, options: options,
      resume: resume, checkpoint: checkpoint, progress: progress)
  }

  /// As `fit` of `RowFile`, with validation rows from which the centres of the units were subtracted.
  package mutating func fit(
    files x: RowFile, context: RowFile?, weights: RowFile?, judged: WeightedRows?,
    options: TrainingOptions, resume: TrainingCheckpoint?,
    checkpoint: (TrainingCheckpoint) throws -> Void, progress: (TrainingProgress) -> Void
  ) throws -> TrainingReport {
    try check(x, columns: features, "x")
    if let context {
      try check(context, columns: self.context, "context")
    } else if self.context > 0 {
      throw FlowError.invalid(
        place: "context", found: "nothing", expected: "\(self.context) context features")
    }
    let table = try FileTable(
      x: x, context: context, weights: weights, units: rowUnits, contextUnits: contextUnits)
    let memory = TrainingMemory(options.memory)
    let data: FitRows =
      memory.holds([x] + [context, weights].compactMap { $0 })
      ? .memory(try table.read(0..<table.count))
      : .files(
        table, BlockLayout(count: table.count, width: table.width, memory: memory.bytes))
    var model = centred()
    defer { update(from: model) }
    return try model.fit(
      data, validation: judged, options: options, resume: resume, checkpoint: checkpoint,
      progress: progress)
  }

  private func check(_ file: RowFile, columns: Int, _ name: String) throws(FlowError) {
    guard file.columns == columns else {
      throw .invalid(
        place: name, found: "\(file.columns) columns in \(file.path)",
        expected: "\(columns) features")
    }
  }
}
