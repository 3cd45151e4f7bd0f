import FlowFiles
import Flows

/// A table of training rows, all in memory in float32, every number finite.
struct TrainingData {
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
