import FlowFiles

/// The rows that a fit is given.
enum FitRows {
  /// In memory.
  case memory(WeightedRows)
  /// In files that are read while training goes on.
  case files(FileTable, BlockLayout)
}

/// The rows of a fit, split into those it trains on and those it holds out.
struct FitSplit {
  let training: TrainingRows
  let validation: RowSelection
  /// Fingerprints of the rows that were given.
  let digests: DataDigests

  /// Checks rows and splits them, unless there are validation rows.
  ///
  /// - Throws: `FlowError` for rows that do not fit the model; `FileError` for files that can't be read.
  init(
    _ model: Model, _ data: FitRows, validation judged: WeightedRows?, _ options: TrainingOptions
  ) throws {
    var held: RowSelection?
    func judge() throws {
      guard let judged else { return }
      let count = try judged.checkedCount(for: model, minimum: 1, prefix: "validation ")
      held = RowSelection(judged, RowSelection.weighted(judged, count: count))
    }
    switch data {
    case .memory(let rows):
      let count = try rows.checkedCount(for: model, minimum: 2)
      try judge()
      digests = DataDigests(rows)
      if let held {
        training = TrainingRows(
          RowSelection(rows, RowSelection.weighted(rows, count: count)))
        validation = held
      } else {
        let split = RowSelection.split(
          rows, count: count, heldOut: options.validation, seed: options.seed)
        (training, validation) = (TrainingRows(split.training), split.heldOut)
      }
    case .files(let table, let layout):
      try judge()
      let blocks = try FileBlocks(
        table, features: model.features, heldOut: held == nil ? options.validation : 0,
        seed: options.seed, layout: layout)
      digests = blocks.digests
      (training, validation) = (TrainingRows(blocks), held ?? blocks.heldOut)
    }
  }
}
