/// The float types of arrays of rows.
public enum RowType: String, Sendable, CaseIterable {
  /// 4-byte floats.
  case f32
  /// 8-byte floats.
  case f64

  var size: Int { self == .f32 ? 4 : 8 }
}

/// A table of numbers read from the front, a chunk of rows at a time.
public protocol RowReader: AnyObject {
  /// The number of columns; 1 for a one-dimensional array.
  var columns: Int { get }
  /// The number of rows, where it is known before the end.
  var rowCount: Int? { get }
  /// Whether float32 may not hold the numbers as they are stored.
  var isDouble: Bool { get }
  /// The names of the columns that are read, in their order; empty if the table does not name them.
  var columnNames: [String] { get }
  /// What was assumed about the table that a person may want to know, each in one phrase.
  var notices: [String] { get }
  /// Up to `count` more rows, row-major; empty at the end.
  ///
  /// - Throws: `FileError` naming the file and the place.
  func read(_ count: Int) throws(FileError) -> [Double]
  /// As `read`, rounded to float32.
  func readFloats(_ count: Int) throws(FileError) -> [Float]
  /// The number that messages give to a row of those last read: rows count from 1, and in CSV as an
  /// editor counts lines, a header included.
  func number(ofRow row: Int) -> Int
}

extension RowReader {
  /// As `read`, rounded to float32.
  public func readFloats(_ count: Int) throws(FileError) -> [Float] {
    try read(count).map { Float($0) }
  }

  /// Nothing was assumed.
  public var notices: [String] { [] }

  /// The table does not name its columns.
  public var columnNames: [String] { [] }
}

/// How a table is read where the file alone does not say.
public struct TableOptions: Sendable {
  /// Whether the first row of a CSV file names the columns.
  public enum Header: String, Sendable, CaseIterable {
    /// It does.
    case yes
    /// It is data.
    case no
  }

  /// The columns to read, in their order; nil for all.
  public var columns: ColumnSelection?
  /// Whether there is a header; nil to tell from the first rows.
  public var header: Header?
  /// The names of the columns to read, in their order, if the table names its columns and none are chosen
  /// by `columns`: those that a flow was trained on. Empty for all columns in the table's order.
  public var expectedNames: [String] = []
  /// The name of an array in an `.npz` file; nil if it holds one.
  public var array: String?

  /// Makes options that read all columns.
  public init(
    columns: ColumnSelection? = nil, header: Header? = nil, array: String? = nil
  ) {
    self.columns = columns
    self.header = header
    self.array = array
  }
}

/// A table of numbers written a chunk of rows at a time, which appears whole or not at all.
public protocol RowWriter: AnyObject {
  /// Appends rows, row-major.
  ///
  /// - Throws: `FileError`, for a full disk for instance.
  func write(_ values: [Float]) throws(FileError)
  /// Appends rows, row-major.
  ///
  /// - Throws: `FileError`, for a full disk for instance.
  func write(_ values: [Double]) throws(FileError)
  /// Completes the file.
  ///
  /// - Throws: `FileError`.
  func finish() throws(FileError)
}

/// The formats of tables, by the ending of a file's name.
enum TableFormat {
  case npy
  case npz
  case csv

  init(_ path: String, writing: Bool) throws(FileError) {
    if path.hasSuffix(".npy") {
      self = .npy
    } else if path.hasSuffix(".csv") || path == "-" {
      self = .csv
    } else if path.hasSuffix(".npz"), !writing {
      self = .npz
    } else {
      throw .unsupported(
        path: path, found: "an unknown ending",
        expected: writing ? ".npy, .csv or -" : ".npy, .npz, .csv or -")
    }
  }
}

/// Opens a table by its ending: `.npy`, `.npz`, `.csv`, or `-` for CSV on standard input.
///
/// - Throws: `FileError` for another ending or a file that is not as expected.
public func openRows(
  _ path: String, options: TableOptions = TableOptions()
) throws(FileError) -> any RowReader {
  let format = try TableFormat(path, writing: false)
  if options.array != nil, format != .npz {
    throw .unsupported(
      path: path, found: "the name of an array", expected: "an .npz file to go with it")
  }
  switch format {
  case .npy: return try NPYReader(ByteSource(path), columns: options.columns)
  case .npz: return try NPYReader(npz: path, array: options.array, columns: options.columns)
  case .csv: return try CSVReader(path, options: options)
  }
}

/// Creates a table by its ending; `columns` is nil for a one-dimensional array. The file is in its
/// place once `finish` returns.
///
/// - Throws: `FileError`.
public func createRows(
  _ path: String, columns: Int?, type: RowType = .f32
) throws(FileError) -> any RowWriter {
  let outputs = Outputs()
  let output = try outputs.openRows(path)
  return try createRows(output, columns: columns, type: type, committing: outputs)
}

/// Where rows go: a file of a transaction, or standard output.
public struct RowOutput {
  /// The file; nil for standard output.
  public let file: OutputFile?
  fileprivate let format: TableFormat
}

extension Outputs {
  /// Checks, opens and locks a table by its ending; `-` is standard output.
  ///
  /// - Throws: `FileError`.
  public func openRows(_ path: String, resume: Bool = false) throws(FileError) -> RowOutput {
    let format = try TableFormat(path, writing: true)
    return RowOutput(file: path == "-" ? nil : try open(path, resume: resume), format: format)
  }
}

/// Creates a table in an output of a transaction, which puts it in its place.
///
/// - Throws: `FileError`.
public func createRows(
  _ output: RowOutput, columns: Int?, type: RowType
) throws(FileError) -> any RowWriter {
  try createRows(output, columns: columns, type: type, committing: nil)
}

private func createRows(
  _ output: RowOutput, columns: Int?, type: RowType, committing outputs: Outputs?
) throws(FileError) -> any RowWriter {
  if let file = output.file, output.format == .npy {
    return try NPYWriter(file, columns: columns, type: type, committing: outputs)
  }
  return CSVWriter(output.file, columns: columns ?? 1, committing: outputs)
}
