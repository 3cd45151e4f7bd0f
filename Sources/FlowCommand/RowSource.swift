import FlowFiles
import Flows

/// Some rows of x and of the context, where the flow has one.
struct RowChunk<Number: RowNumber> {
  var x: [Number]
  var context: [Number]
  var rows: Int
  /// For each row, whether all its numbers are finite; nil if all rows' are.
  var isFinite: [Bool]?
  /// The number of each row in its file, for messages.
  var number: (Int) -> Int
}

/// Rows of x, and of the context where the flow has one, read together in the type that is computed in.
struct RowSource<Number: RowNumber> {
  private let x: any RowReader
  private let context: (any RowReader)?
  private let path: String
  private let contextPath: String?
  private var narrowing: Narrowing
  private var contextNarrowing: Narrowing
  /// How many rows were read.
  private(set) var done = 0

  /// The number of rows, where it is known.
  var rowCount: Int? { x.rowCount }

  init(
    model: AnyModel, input: String, context contextPath: String?, flags: TableFlags
  ) throws {
    x = try openTable(input, columns: model.features, "features", options: flags.rows)
    path = input
    self.contextPath = contextPath
    switch (contextPath, model.context) {
    case (nil, 0): context = nil
    case (nil, let count):
      throw FileError.mismatch(
        path: input, found: "no context",
        expected: "--context with \(count) columns, since the flow is conditional")
    case (let path?, 0):
      throw FileError.mismatch(
        path: path, found: "a context", expected: "none, since the flow is unconditional")
    case (let path?, let count):
      let reader = try openTable(
        path, columns: count, "context features", options: flags.context)
      if let rows = reader.rowCount, let expected = x.rowCount, rows != expected {
        throw FileError.mismatch(
          path: path, found: "\(rows) rows", expected: "\(expected) rows, as in \(input)")
      }
      context = reader
    }
    narrowing = Narrowing(columns: model.features)
    contextNarrowing = Narrowing(columns: max(model.context, 1))
    for notice in x.notices { Console.note("\(input): \(notice)") }
    for notice in context?.notices ?? [] { Console.note("\(contextPath ?? ""): \(notice)") }
  }

  /// Up to `count` more rows; nil at the end.
  mutating func next(_ count: Int) throws(FileError) -> RowChunk<Number>? {
    let values = try Self.read(x, count, &narrowing)
    let rows = values.count / max(x.columns, 1)
    var conditions: [Number] = []
    if let context {
      conditions = try Self.read(context, rows == 0 ? 1 : rows, &contextNarrowing)
      guard conditions.count == rows * context.columns else {
        let found = done + conditions.count / context.columns
        throw FileError.mismatch(
          path: contextPath ?? "", found: rows == 0 ? "more than \(done) rows" : "\(found) rows",
          expected: rows == 0 ? "\(done) rows, as in \(path)" : "as many rows as \(path)")
      }
    }
    if rows == 0 { return nil }
    done += rows
    let reader = x
    return RowChunk(
      x: values, context: conditions, rows: rows,
      isFinite: finiteRows(values, conditions, rows: rows), number: { reader.number(ofRow: $0) })
  }

  private static func read(
    _ reader: any RowReader, _ count: Int, _ narrowing: inout Narrowing
  ) throws(FileError) -> [Number] {
    if Number.self == Float.self, let floats = try narrowing.read(reader, count) as? [Number] {
      return floats
    }
    return try Number.read(reader, count)
  }

  /// What float32 lost of the rows so far.
  var warnings: [String] {
    let advice = "compute with --dtype f64, or shift and scale the data"
    return narrowing.warnings(path: path, advice: advice)
      + (contextPath.map { contextNarrowing.warnings(path: $0, advice: advice) } ?? [])
  }
}

/// Opens a table that must have so many columns.
///
/// - Throws: `FileError`.
func openTable(
  _ path: String, columns: Int, _ what: String, options: TableOptions
) throws(FileError) -> any RowReader {
  let reader = try openRows(path, options: options)
  guard reader.columns == columns else {
    let notices = reader.notices.isEmpty ? "" : " (\(reader.notices.joined(separator: "; ")))"
    throw .mismatch(
      path: path, found: "\(reader.columns) columns\(notices)",
      expected: "\(columns) \(what)"
        + (reader.columns > columns ? "; choose them with --columns" : ""))
  }
  return reader
}

/// Whether each row has only finite numbers, in all of its arrays; nil if all have.
func finiteRows<Number: RowNumber>(_ arrays: [Number]..., rows: Int) -> [Bool]? {
  if arrays.allSatisfy({ $0.allSatisfy(\.isFinite) }) { return nil }
  return (0..<rows).map { row in
    arrays.allSatisfy { values in
      let columns = values.count / max(rows, 1)
      return values[row * columns..<(row + 1) * columns].allSatisfy(\.isFinite)
    }
  }
}
