import FlowFiles
import Flows

/// A table of training rows, every number finite: in memory, or a file that is streamed.
struct TrainingData {
  let path: String
  let columns: Int
  /// How many rows there are.
  let rows: Int
  /// Whether the file has more digits than float32.
  let isDouble: Bool
  /// The names of the columns; empty if the table does not name them, or not each.
  let names: [String]
  /// The rows in memory; the first one, of a table that is streamed.
  let loaded: TableChunk
  /// The file of a table that is streamed.
  let file: RowFile?

  /// Reads all rows; a number that is not finite, or that float32 can't hold, is an error. Columns are
  /// those of the names in `trained`, if the table has names and `options` choose none.
  ///
  /// - Parameter most: how many bytes the rows may take, if there is a limit.
  /// - Throws: `FileError` naming the row and column.
  init(
    _ path: String, options: TableOptions, trained: [String] = [], most: Int? = nil
  ) throws(FileError) {
    self.path = path
    var options = options
    options.expectedNames = trained
    let reader = try openRows(path, options: options)
    let found = reader.columnNames
    loaded = try TableChunk(reader, path, most: most)
    (columns, rows, isDouble) = (reader.columns, loaded.rows, reader.isDouble)
    names = found.contains("") || Set(found).count < found.count ? [] : found
    file = nil
    for notice in reader.notices { Console.note("\(path): \(notice)") }
  }

  /// Streams a file, of which the first row is read.
  ///
  /// - Throws: `FileError`.
  init(streaming file: RowFile) throws(FileError) {
    (path, columns, rows, isDouble) = (file.path, file.columns, file.count, file.isDouble)
    loaded = try TableChunk(file.reader(), path, count: 1, first: 0)
    (names, self.file) = ([], file)
  }

  /// The rows from the front.
  ///
  /// - Throws: `FileError` if the file changed.
  func chunks() throws(FileError) -> TableChunks { try TableChunks(self) }
}

/// The rows of a table from the front: those of a table in memory at once.
struct TableChunks {
  private let table: TrainingData
  private let reader: NPYReader?
  private var done = 0

  fileprivate init(_ table: TrainingData) throws(FileError) {
    self.table = table
    reader = try table.file?.reader()
  }

  /// The next rows, of a streamed table at most so many; nil at the end.
  ///
  /// - Throws: `FileError` naming the row and column.
  mutating func next(_ count: Int) throws(FileError) -> TableChunk? {
    guard done < table.rows else { return nil }
    let chunk =
      try reader.map { reader throws(FileError) in
        try TableChunk(reader, table.path, count: count, first: done)
      } ?? table.loaded
    done += chunk.rows
    return chunk
  }
}

extension TrainingData {
  /// Reads the weights of rows: a table of one column, each 0 or more and some above 0.
  ///
  /// - Parameters:
  ///   - path: the table.
  ///   - rows: how many there must be.
  ///   - data: the table that they belong to.
  ///   - most: how many bytes they may take, if there is a limit.
  /// - Throws: `FileError` naming the row, or what does not fit.
  static func weights(
    _ path: String, rows: Int, of data: String, most: Int? = nil
  ) throws(FileError) -> [Float] {
    let table = try TrainingData(path, options: TableOptions(), most: most)
    try table.checkWeights(rows: rows, of: data)
    let values = try table.weights(table.loaded)
    guard values.contains(where: { $0 > 0 }) else { throw table.onlyZeros }
    return values
  }

  /// Checks that this is a column of weights, one for each row of a table.
  func checkWeights(rows: Int, of data: String) throws(FileError) {
    guard columns == 1 else {
      throw .mismatch(path: path, found: "\(columns) columns", expected: "one column of weights")
    }
    guard self.rows == rows else {
      throw .mismatch(
        path: path, found: "\(self.rows) weights", expected: "\(rows), one for each row of \(data)")
    }
  }

  /// The weights in some rows of this table.
  ///
  /// - Throws: `FileError` for one below 0.
  func weights(_ chunk: TableChunk) throws(FileError) -> [Float] {
    let values = chunk.values(nil)
    if let bad = values.firstIndex(where: { $0 < 0 }) {
      throw .badRow(
        path: path, row: chunk.first + bad + 1,
        reason: "the weight is \(values[bad]); weights are 0 or more")
    }
    return values
  }

  /// The error about weights of which none is above 0.
  var onlyZeros: FileError {
    .mismatch(path: path, found: "only zeros", expected: "a weight above 0 for some row")
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
