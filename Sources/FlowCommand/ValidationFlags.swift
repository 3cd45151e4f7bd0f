import ArgumentParser
import FlowFiles
import Flows

/// The rows on which a fit judges its epochs: a share of the training rows, or tables of their own.
struct ValidationFlags: ParsableArguments {
  @Option(
    name: .customLong("validation"), parsing: .unconditional,
    help: "The share of training rows to hold out, from 0 to 0.99; 0.1 if left out.",
    transform: Parse.number(.from(0, to: 0.99)))
  var heldOut: Double?

  @Option(
    name: .customLong("validation-data"),
    help: "The rows on which epochs are judged, instead of a share of the training rows.")
  var data: String?

  @Option(
    name: .customLong("validation-context-data"), help: "The context of each validation row.")
  var contextData: String?

  @Option(
    name: .customLong("validation-weights"),
    help: "The weight of each validation row, as for --weights.")
  var weights: String?

  /// The share of training rows to hold out.
  var share: Double { heldOut ?? TrainingOptions().validation }

  /// The files that are read.
  var paths: [String] { [data, contextData, weights].compactMap { $0 } }

  /// Refuses options that contradict each other.
  func check() throws {
    if heldOut != nil, data != nil {
      throw ValidationError("give --validation or --validation-data, not both")
    }
    for (name, path) in [
      ("--validation-context-data", contextData), ("--validation-weights", weights),
    ] where path != nil && data == nil {
      throw ValidationError("\(name) goes with --validation-data")
    }
  }

  /// Reads the tables; nil if a share of the training rows is held out.
  ///
  /// - Throws: `FileError` for a table that can't be read or does not fit the flow.
  func rows(
    for model: Model, tables: TableFlags, discrete: [DiscreteColumn] = [], memory: Int? = nil
  ) throws(FileError) -> WeightedRows? {
    guard let data else { return nil }
    let files = [try? RowFile(data, options: tables.rows)].compactMap { $0 }
    let allowed = TrainingMemory(memory)
    guard allowed.holds(files) else {
      throw .mismatch(
        path: data, found: "\(files[0].count) rows, more than --memory holds",
        expected: "fewer rows to judge epochs on, which stay in memory; 1,000,000 are enough")
    }
    let x = try TrainingData(
      data, options: tables.rows, trained: model.columns.x, most: allowed.bytes)
    var conditions: TrainingData?
    if let contextData {
      conditions = try TrainingData(
        contextData, options: tables.context, trained: model.columns.context, most: allowed.bytes)
    }
    try x.check(model, context: conditions, option: "--validation-context-data")
    try DiscreteFlags.check(x.loaded, discrete, of: x)
    guard x.rows > 0 else {
      throw .mismatch(path: data, found: "no rows", expected: "at least 1 row")
    }
    var counts: [Float]?
    if let weights {
      counts = try TrainingData.weights(weights, rows: x.rows, of: data, most: allowed.bytes)
    }
    return WeightedRows(
      x: x.loaded.values(model.rowUnits),
      context: conditions?.loaded.values(model.contextUnits) ?? [],
      weights: counts)
  }
}
