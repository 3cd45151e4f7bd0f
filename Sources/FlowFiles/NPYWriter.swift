/// Writes a NumPy array (version 1, C order); the number of rows is filled in at the end.
public final class NPYWriter: RowWriter {
  private let file: OutputFile
  private let columns: Int?
  private let type: RowType
  private let outputs: Outputs?
  private var numbers = 0

  /// Writes rows with `columns` numbers to a file, or single numbers if nil.
  init(
    _ file: OutputFile, columns: Int?, type: RowType, committing outputs: Outputs?
  ) throws(FileError) {
    self.file = file
    self.columns = columns
    self.type = type
    self.outputs = outputs
    try file.write(Self.header(rows: 0, columns: columns, type: type))
  }

  /// A header of 128 bytes, which has room for any number of rows, so that it can be filled in later.
  static func header(rows: Int, columns: Int?, type: RowType) -> [UInt8] {
    let shape = columns.map { "(\(rows), \($0))" } ?? "(\(rows),)"
    var text =
      "{'descr': '\(type == .f64 ? "<f8" : "<f4")', 'fortran_order': False, 'shape': \(shape), }"
    text += String(repeating: " ", count: 117 - text.utf8.count) + "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(text.utf8)
  }

  /// Appends rows.
  public func write(_ values: [Float]) throws(FileError) {
    try file.write(values, as: type)
    numbers += values.count
  }

  /// Appends rows.
  public func write(_ values: [Double]) throws(FileError) {
    try file.write(values, as: type)
    numbers += values.count
  }

  /// Completes the array.
  public func finish() throws(FileError) {
    let rows = numbers / max(columns ?? 1, 1)
    try file.patch(Self.header(rows: rows, columns: columns, type: type), at: 0)
    try outputs?.commit()
  }
}

extension OutputFile {
  /// Appends numbers in a type.
  func write<Number: BinaryFloatingPoint>(
    _ values: [Number], as type: RowType
  ) throws(FileError) {
    switch type {
    case .f32: try put(values as? [Float] ?? values.map { Float($0) })
    case .f64: try put(values as? [Double] ?? values.map { Double($0) })
    }
  }

  private func put<Number: BinaryFloatingPoint>(_ values: [Number]) throws(FileError) {
    var problem: FileError?
    values.withUnsafeBytes { bytes in
      do throws(FileError) { try write(bytes) } catch { problem = error }
    }
    if let problem { throw problem }
  }
}
