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
  /// Whether numbers are stored with 64 bits.
  var isDouble: Bool { get }
  /// Up to `count` more rows, row-major; empty at the end.
  ///
  /// - Throws: `FileError` naming the file and the place.
  func read(_ count: Int) throws(FileError) -> [Double]
  /// As `read`, rounded to float32.
  func readFloats(_ count: Int) throws(FileError) -> [Float]
}

extension RowReader {
  /// As `read`, rounded to float32.
  public func readFloats(_ count: Int) throws(FileError) -> [Float] {
    try read(count).map { Float($0) }
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

/// Opens a table by its ending: `.npy`, `.csv`, or `-` for CSV on standard input.
///
/// - Throws: `FileError` for another ending or a file that is not as expected.
public func openRows(_ path: String) throws(FileError) -> any RowReader {
  if path.hasSuffix(".npy") { return try NPYReader(path) }
  if path.hasSuffix(".csv") || path == "-" { return try CSVReader(path) }
  throw .unsupported(path: path, found: "an unknown ending", expected: ".npy, .csv or -")
}

/// Creates a table by its ending; `columns` is nil for a one-dimensional array.
///
/// - Throws: `FileError`.
public func createRows(
  _ path: String, columns: Int?, type: RowType = .f32
) throws(FileError) -> any RowWriter {
  if path.hasSuffix(".npy") { return try NPYWriter(path, columns: columns, type: type) }
  if path.hasSuffix(".csv") || path == "-" { return try CSVWriter(path, columns: columns ?? 1) }
  throw .unsupported(path: path, found: "an unknown ending", expected: ".npy, .csv or -")
}
