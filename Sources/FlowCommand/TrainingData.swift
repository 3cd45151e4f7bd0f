import FlowFiles
import Flows

/// A table of training rows, all in memory in float32, every number finite.
struct TrainingData {
  let path: String
  let values: [Float]
  let columns: Int
  /// What float32 lost, in one sentence each.
  let warnings: [String]

  /// How many rows there are.
  var rows: Int { columns > 0 ? values.count / columns : 0 }

  /// Reads all rows; a number that is not finite, or that float32 can't hold, is an error.
  ///
  /// - Throws: `FileError` naming the row and column.
  init(_ path: String, options: TableOptions) throws(FileError) {
    self.path = path
    let reader = try openRows(path, options: options)
    columns = reader.columns
    var narrowing = Narrowing(columns: columns)
    var values: [Float] = []
    while true {
      let part = try narrowing.read(reader, 65536)
      if part.isEmpty { break }
      if let first = narrowing.firstOverflow {
        throw .badRow(
          path: path, row: first.row,
          reason: "column \(first.column) is \(first.value), which float32 can't hold "
            + "(3.4e+38 at most); scale the data")
      }
      if let bad = part.firstIndex(where: { !$0.isFinite }) {
        throw .badRow(
          path: path, row: reader.number(ofRow: bad / columns),
          reason: "column \(bad % columns + 1) is \(part[bad]); training needs finite numbers")
      }
      values += part
    }
    self.values = values
    warnings = narrowing.warnings(
      path: path,
      advice: "shift and scale the data in float64 first, for instance to mean 0 and "
        + "deviation 1")
    for notice in reader.notices { Console.note("\(path): \(notice)") }
  }
}

extension TrainingData {
  /// Reads the weights of rows: a table of one column, each 0 or more and some above 0.
  ///
  /// - Parameters:
  ///   - path: the table.
  ///   - rows: how many there must be.
  ///   - data: the table that they belong to.
  /// - Throws: `FileError` naming the row, or what does not fit.
  static func weights(
    _ path: String, rows: Int, of data: String
  ) throws(FileError) -> [Float] {
    let table = try TrainingData(path, options: TableOptions())
    guard table.columns == 1 else {
      throw .mismatch(
        path: path, found: "\(table.columns) columns", expected: "one column of weights")
    }
    guard table.rows == rows else {
      throw .mismatch(
        path: path, found: "\(table.rows) weights", expected: "\(rows), one for each row of \(data)"
      )
    }
    if let bad = table.values.firstIndex(where: { $0 < 0 }) {
      throw .badRow(
        path: path, row: bad + 1,
        reason: "the weight is \(table.values[bad]); weights are 0 or more")
    }
    guard table.values.contains(where: { $0 > 0 }) else {
      throw .mismatch(path: path, found: "only zeros", expected: "a weight above 0 for some row")
    }
    return table.values
  }

  /// Checks that there are as many columns as the flow has features and context features, and that the
  /// context has as many rows as the data.
  ///
  /// - Parameters:
  ///   - model: the flow.
  ///   - context: the context of each row.
  ///   - option: the option that gives the context.
  func check(_ model: Model, context: TrainingData?, option: String) throws(FileError) {
    guard columns == model.features else {
      throw .mismatch(
        path: path, found: "\(columns) columns", expected: "\(model.features) features")
    }
    guard let context else {
      guard model.context == 0 else {
        throw .mismatch(
          path: path, found: "no context", expected: "\(option), since the flow is conditional")
      }
      return
    }
    guard context.columns == model.context else {
      throw .mismatch(
        path: context.path, found: "\(context.columns) columns",
        expected: model.context == 0
          ? "no context, since the flow is unconditional" : "\(model.context) context features")
    }
    guard context.rows == rows else {
      throw .mismatch(
        path: context.path, found: "\(context.rows) rows", expected: "\(rows) rows, as in \(path)")
    }
  }
}
