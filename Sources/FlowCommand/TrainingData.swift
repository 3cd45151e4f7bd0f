import FlowFiles
import Flows

/// A table of training rows, all in memory with the digits of its file, every number finite.
struct TrainingData {
  private enum Numbers {
    case floats([Float])
    case doubles([Double])
  }

  let path: String
  let columns: Int
  /// The names of the columns; empty if the table does not name them, or not each.
  let names: [String]
  private let numbers: Numbers

  /// How many rows there are.
  var rows: Int {
    let count =
      switch numbers {
      case .floats(let values): values.count
      case .doubles(let values): values.count
      }
    return columns > 0 ? count / columns : 0
  }

  /// Reads all rows; a number that is not finite, or that float32 can't hold, is an error. Columns are
  /// those of the names in `trained`, if the table has names and `options` choose none.
  ///
  /// - Throws: `FileError` naming the row and column.
  init(_ path: String, options: TableOptions, trained: [String] = []) throws(FileError) {
    self.path = path
    var options = options
    options.expectedNames = trained
    let reader = try openRows(path, options: options)
    columns = reader.columns
    let found = reader.columnNames
    names = found.contains("") || Set(found).count < found.count ? [] : found
    numbers =
      reader.isDouble
      ? .doubles(try Self.read(reader, path) { count throws(FileError) in try reader.read(count) })
      : .floats(
        try Self.read(reader, path) { count throws(FileError) in try reader.readFloats(count) })
    for notice in reader.notices { Console.note("\(path): \(notice)") }
  }

  private static func read<Number: BinaryFloatingPoint>(
    _ reader: any RowReader, _ path: String, next: (Int) throws(FileError) -> [Number]
  ) throws(FileError) -> [Number] {
    let largest = Number(Float.greatestFiniteMagnitude)
    var values: [Number] = []
    while true {
      let part = try next(65536)
      if part.isEmpty { return values }
      if let bad = part.firstIndex(where: { !($0.magnitude <= largest) }) {
        let reason =
          part[bad].isFinite
          ? ", which float32 can't hold (3.4e+38 at most); scale the data"
          : "; training needs finite numbers"
        throw .badRow(
          path: path, row: reader.number(ofRow: bad / reader.columns),
          reason: "column \(bad % reader.columns + 1) is \(part[bad])\(reason)")
      }
      values += part
    }
  }

  /// The rows minus the centre of their units, if they have any, in float32.
  func values(_ units: ColumnUnits?) -> [Float] {
    switch numbers {
    case .floats(let values): units?.centred(values) ?? values
    case .doubles(let values): units?.centred(values) ?? values.map { Float($0) }
    }
  }

  /// The units of the columns.
  func units(weights: [Float]?, by method: Standardization) -> ColumnUnits {
    switch numbers {
    case .floats(let values):
      ColumnUnits(of: values, columns: columns, weights: weights, by: method)
    case .doubles(let values):
      ColumnUnits(of: values, columns: columns, weights: weights, by: method)
    }
  }

  /// Whether the file has more digits than float32.
  var isDouble: Bool {
    switch numbers {
    case .floats: false
    case .doubles: true
    }
  }

  /// All numbers, row-major.
  var doubles: [Double] {
    switch numbers {
    case .floats(let values): values.map { Double($0) }
    case .doubles(let values): values
    }
  }

  /// The numbers of a column.
  func column(_ column: Int) -> [Double] {
    let places = stride(from: column, to: rows * columns, by: columns)
    return switch numbers {
    case .floats(let values): places.map { Double(values[$0]) }
    case .doubles(let values): places.map { values[$0] }
    }
  }

  /// The numbers of a row.
  func row(_ row: Int) -> [Double] {
    let range = row * columns..<(row + 1) * columns
    return switch numbers {
    case .floats(let values): values[range].map { Double($0) }
    case .doubles(let values): Array(values[range])
    }
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
    let values = table.values(nil)
    if let bad = values.firstIndex(where: { $0 < 0 }) {
      throw .badRow(
        path: path, row: bad + 1, reason: "the weight is \(values[bad]); weights are 0 or more")
    }
    guard values.contains(where: { $0 > 0 }) else {
      throw .mismatch(path: path, found: "only zeros", expected: "a weight above 0 for some row")
    }
    return values
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
