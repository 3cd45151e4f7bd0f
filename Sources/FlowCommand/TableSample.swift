import FlowFiles
import Flows

/// Some rows of a table: the first, or evenly spaced ones.
struct TableSample<Scalar: FlowScalar> {
  let path: String
  let columns: Int
  private(set) var values: [Scalar] = []
  /// The names in a header, one for each column; empty if there are none.
  let names: [String]
  /// How many rows the file has.
  private(set) var total = 0

  var count: Int { values.count / columns }

  /// Reads at most `most` rows: the first, or if `isSpaced` every second and so on, so that they reach to
  /// the end. Columns are found by the names that the flow was trained on, where both have names. Tables with as many rows are read at the same places.
  init(
    _ path: String, columns: Int, _ what: String, options: TableOptions, most: Int,
    trained: [String], isSpaced: Bool = true
  ) throws(FileError) {
    let reader = try openTable(path, columns: columns, what, options: options, trained: trained)
    for notice in reader.notices { Console.note("\(path): \(notice)") }
    (self.path, self.columns) = (path, columns)
    let found = reader.columnNames
    names = found.count == columns ? found : []
    let known = reader.rowCount
    let stride = isSpaced ? max(1, ((known ?? 0) + most - 1) / most) : 1
    while true {
      let part = try Scalar.read(reader, 65536)
      if part.isEmpty { break }
      let rows = part.count / columns
      for row in 0..<rows where (total + row) % stride == 0 && count < most {
        values += part[row * columns..<(row + 1) * columns]
      }
      total += rows
    }
    guard total > 0 else {
      throw .mismatch(path: path, found: "0 rows", expected: "1 row or more")
    }
  }

  func row(_ index: Int) -> ArraySlice<Scalar> {
    values[index * columns..<(index + 1) * columns]
  }

  /// Keeps some rows.
  mutating func keep(_ isKept: [Bool]) {
    values = isKept.indices.filter { isKept[$0] }.flatMap { row($0) }
  }

  func isFinite(_ index: Int) -> Bool { row(index).allSatisfy(\.isFinite) }

  /// The numbers of a column.
  func column(_ index: Int) -> [Double] { (0..<count).map { Double(values[$0 * columns + index]) } }
}

extension Rows {
  /// The numbers of each column.
  var numbersByColumn: [[Double]] {
    withUnsafeBufferPointer { buffer in
      (0..<columns).map { column in
        (0..<count).map { Double(buffer[$0 * columns + column]) }
      }
    }
  }
}
