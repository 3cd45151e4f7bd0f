import FlowFiles
import Flows
import Foundation

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
  /// What is subtracted from x before it is rounded, and from the context.
  private let centre: [Double]?
  private let contextCentre: [Double]?
  /// The flow of the rows that are read: without the centres that are subtracted.
  let model: AnyModel
  /// How many rows were read.
  private(set) var done = 0

  /// What was subtracted from x; nil for nothing.
  var subtracted: [Double]? { centre }

  /// The number of rows, where it is known.
  var rowCount: Int? { x.rowCount }

  /// Opens the tables. Numbers that float32 may not hold are read minus the centre of the model's units;
  /// `isOfData` says whether x is in those units, as z is not.
  init(
    model: AnyModel, input: String, context given: String?, flags: TableFlags,
    isOfData: Bool = true
  ) throws {
    x = try openTable(
      input, columns: model.features, "features", options: flags.rows,
      trained: isOfData ? model.columns.x : [])
    path = input
    contextPath = try FlowCommand.contextPath(given, columns: model.context, place: input)
    if let path = contextPath {
      let reader = try openTable(
        path, columns: model.context, "context features", options: flags.context,
        trained: model.columns.context)
      if let rows = reader.rowCount, let expected = x.rowCount, rows != expected {
        throw FileError.mismatch(
          path: path, found: "\(rows) rows", expected: "\(expected) rows, as in \(input)")
      }
      context = reader
    } else {
      context = nil
    }
    centre = isOfData ? Centre<Number>.of(x, model.units(\.rowUnits)) : nil
    contextCentre = context.flatMap { Centre<Number>.of($0, model.units(\.contextUnits)) }
    self.model = model.centred(features: centre != nil, context: contextCentre != nil)
    narrowing = Narrowing(columns: model.features)
    contextNarrowing = Narrowing(columns: max(model.context, 1))
    for notice in x.notices { Console.note("\(input): \(notice)") }
    for notice in context?.notices ?? [] { Console.note("\(contextPath ?? ""): \(notice)") }
  }

  /// Up to `count` more rows; nil at the end.
  mutating func next(_ count: Int) throws(FileError) -> RowChunk<Number>? {
    let values = try Self.read(x, count, &narrowing, centre)
    let rows = values.count / max(x.columns, 1)
    var conditions: [Number] = []
    if let context {
      conditions = try Self.read(
        context, rows == 0 ? 1 : rows, &contextNarrowing, contextCentre)
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
    _ reader: any RowReader, _ count: Int, _ narrowing: inout Narrowing, _ centre: [Double]?
  ) throws(FileError) -> [Number] {
    if Number.self == Float.self,
      let floats = try narrowing.read(reader, count, centre: centre) as? [Number]
    {
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

/// The centre of units as what is subtracted from the rows of a file before they are rounded.
enum Centre<Number: RowNumber> {
  /// The centre, where float32 loses digits of the numbers or of the centre itself; nil elsewhere.
  static func of(_ reader: any RowReader, _ units: ColumnUnits?) -> [Double]? {
    guard Number.precision == .f32, let units else { return nil }
    return reader.isDouble || units.needFloat64 ? units.centre : nil
  }
}

/// The path of the contexts; nil for a flow without context.
///
/// - Parameters:
///   - path: what `--context` names, if it is given.
///   - columns: how many context features the flow has.
///   - place: the file that an error names where the context is missing.
/// - Throws: `FileError` if a conditional flow has no context, or another flow has one.
func contextPath(_ path: String?, columns: Int, place: String) throws(FileError) -> String? {
  guard let path else {
    if columns == 0 { return nil }
    throw .mismatch(
      path: place, found: "no context",
      expected: "--context with \(columns) columns, since the flow is conditional")
  }
  guard columns > 0 else {
    throw .mismatch(
      path: path, found: "a context", expected: "none, since the flow is unconditional")
  }
  guard Double(path) == nil || FileManager.default.fileExists(atPath: path) else {
    throw .mismatch(
      path: "--context", found: "the number \(path)",
      expected: "a file of contexts; one row of it is for all rows")
  }
  return path
}

/// Opens a table that must have so many columns: by the names that the flow was trained on, if the table has
/// names and none are chosen.
///
/// - Throws: `FileError`.
func openTable(
  _ path: String, columns: Int, _ what: String, options: TableOptions, trained: [String] = []
) throws(FileError) -> any RowReader {
  var options = options
  options.expectedNames = trained
  let reader = try openRows(path, options: options)
  let found = reader.columnNames
  if !trained.isEmpty, found != trained, found.sorted() == trained.sorted() {
    throw .mismatch(
      path: path, found: "the columns " + found.joined(separator: ", "),
      expected: trained.joined(separator: ", ") + ", in this order, as the flow was trained")
  }
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
