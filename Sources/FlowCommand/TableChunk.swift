import FlowFiles
import Flows

/// Some rows of a training table, with the digits of its file: all rows, or neighbours.
struct TableChunk {
  private enum Numbers {
    case floats([Float])
    case doubles([Double])
  }

  let columns: Int
  /// The number of the first of these rows among all, from 0.
  let first: Int
  private let numbers: Numbers

  /// The next rows of a table, at most so many; every number must be finite and in the range of float32.
  ///
  /// - Throws: `FileError` naming the row and column.
  init(
    _ reader: any RowReader, _ path: String, count: Int, first: Int
  ) throws(FileError) {
    (columns, self.first) = (reader.columns, first)
    if reader.isDouble {
      let values = try reader.read(count)
      try Self.check(values, reader, path)
      numbers = .doubles(values)
    } else {
      let values = try reader.readFloats(count)
      try Self.check(values, reader, path)
      numbers = .floats(values)
    }
  }

  /// All rows of a table.
  ///
  /// - Parameter most: how many bytes they may take, if there is a limit.
  /// - Throws: `FileError` naming the row and column, or for more rows.
  init(_ reader: any RowReader, _ path: String, most: Int?) throws(FileError) {
    var (floats, doubles): ([Float], [Double]) = ([], [])
    while true {
      let part = try TableChunk(reader, path, count: 65536, first: 0)
      if part.rows == 0 { break }
      switch part.numbers {
      case .floats(let values): floats += values
      case .doubles(let values): doubles += values
      }
      guard let most, floats.count * 16 + doubles.count * 20 > most else { continue }
      throw .mismatch(
        path: path, found: "more rows than --memory holds",
        expected:
          "a larger --memory (limits of the process count too), or .npy files, which are streamed"
      )
    }
    (columns, first) = (reader.columns, 0)
    numbers = reader.isDouble ? .doubles(doubles) : .floats(floats)
  }

  private static func check<Number: BinaryFloatingPoint>(
    _ part: [Number], _ reader: any RowReader, _ path: String
  ) throws(FileError) {
    let largest = Number(Float.greatestFiniteMagnitude)
    guard let bad = part.firstIndex(where: { !($0.magnitude <= largest) }) else { return }
    let reason =
      part[bad].isFinite
      ? ", which float32 can't hold (3.4e+38 at most); scale the data"
      : "; training needs finite numbers"
    throw .badRow(
      path: path, row: reader.number(ofRow: bad / reader.columns),
      reason: "column \(bad % reader.columns + 1) is \(part[bad])\(reason)")
  }

  /// How many rows there are.
  var rows: Int {
    let count =
      switch numbers {
      case .floats(let values): values.count
      case .doubles(let values): values.count
      }
    return columns > 0 ? count / columns : 0
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
}
