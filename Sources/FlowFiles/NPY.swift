/// Reads a NumPy array file: C order, `<f4` or `<f8`, one or two dimensions, versions 1 to 3.
public final class NPYReader: RowReader {
  /// The numbers in a row.
  public let columns: Int
  /// The number of rows, if the source tells.
  public let rowCount: Int?
  /// Whether the numbers are 8-byte floats.
  public let isDouble: Bool
  /// The dimensions as stored.
  public let shape: [Int]
  private let source: ByteSource
  private var remaining: Int
  private var offset: Int

  /// Opens a file and checks its header and size.
  ///
  /// - Throws: `FileError` with the byte offset or what was found and expected.
  public init(_ path: String) throws(FileError) {
    source = try ByteSource(path)
    func bad(_ offset: Int, _ reason: String) -> FileError {
      .malformed(path: path, offset: offset, reason: reason)
    }
    let start = try source.read(8)
    guard start.count == 8, Array(start.prefix(6)) == [0x93] + Array("NUMPY".utf8) else {
      throw bad(0, "no NumPy file (its first bytes are not \\x93NUMPY)")
    }
    let sizeBytes = start[6] == 1 ? 2 : 4
    guard (1...3).contains(start[6]) else { throw bad(6, "unknown format version \(start[6])") }
    let lengthBytes = try source.read(sizeBytes)
    guard lengthBytes.count == sizeBytes else { throw bad(8, "the file ends in its header") }
    let length = lengthBytes.reversed().reduce(0) { $0 * 256 + Int($1) }
    guard length <= 65536 else { throw bad(8, "the header is said to have \(length) bytes") }
    let headerBytes = try source.read(length)
    guard headerBytes.count == length else {
      throw bad(8 + sizeBytes, "the file ends in its header")
    }
    let header = String(decoding: headerBytes, as: UTF8.self)
    guard let type = Self.quoted("descr", in: header) else {
      throw .unsupported(path: path, found: "a structured array", expected: "<f4 or <f8")
    }
    guard type == "<f4" || type == "<f8" else {
      throw .unsupported(
        path: path, found: "dtype '\(type)'",
        expected: "'<f4' or '<f8' (convert with array.astype('<f4'))")
    }
    guard let order = Self.after("fortran_order", in: header) else {
      throw bad(8 + sizeBytes, "the header has no fortran_order")
    }
    if order.hasPrefix("True") {
      throw .unsupported(
        path: path, found: "Fortran order",
        expected: "C order (convert with numpy.ascontiguousarray)")
    }
    guard let text = Self.after("shape", in: header), text.hasPrefix("("),
      let close = text.firstIndex(of: ")")
    else { throw bad(8 + sizeBytes, "the header has no shape") }
    var shape: [Int] = []
    for part in text[text.index(after: text.startIndex)..<close].split(separator: ",") {
      let digits = part.filter { $0 != " " }
      if digits.isEmpty { continue }
      guard let extent = Int(digits), extent >= 0 else {
        throw bad(8 + sizeBytes, "'\(digits)' is no dimension")
      }
      shape.append(extent)
    }
    guard shape.count == 1 || shape.count == 2 else {
      throw .unsupported(
        path: path, found: "\(shape.count) dimensions \(shape)", expected: "1 or 2 dimensions")
    }
    let size = type == "<f8" ? 8 : 4
    var total = size
    for extent in shape {
      let (product, overflow) = total.multipliedReportingOverflow(by: extent)
      if overflow { throw bad(8 + sizeBytes, "the shape \(shape) is too large") }
      total = product
    }
    offset = 8 + sizeBytes + length
    if let found = source.size, found != offset + total {
      throw bad(
        min(found, offset + total),
        "shape \(shape) needs \(total) bytes of data, the file has \(found - offset)")
    }
    self.shape = shape
    isDouble = size == 8
    rowCount = shape[0]
    columns = shape.count == 2 ? shape[1] : 1
    remaining = shape[0]
  }

  private static func after(_ key: String, in header: String) -> Substring? {
    for quote in ["'", "\""] {
      let parts = header.split(separator: quote + key + quote, maxSplits: 1)
      if parts.count == 2, let colon = parts[1].firstIndex(of: ":") {
        return parts[1][parts[1].index(after: colon)...].drop { $0 == " " }
      }
    }
    return nil
  }

  private static func quoted(_ key: String, in header: String) -> String? {
    guard let text = after(key, in: header), let quote = text.first, quote == "'" || quote == "\""
    else { return nil }
    return String(text.dropFirst().prefix { $0 != quote })
  }

  private func numbers<Number: BinaryFloatingPoint>(
    _ count: Int, as type: Number.Type, zero: Number
  ) throws(FileError) -> [Number] {
    let wanted = min(count, remaining) * columns
    var values = [Number](repeating: zero, count: wanted)
    var failure: FileError?
    var found = 0
    values.withUnsafeMutableBytes { memory in
      do throws(FileError) { found = try source.read(into: memory) } catch { failure = error }
    }
    if let failure { throw failure }
    guard found == wanted * MemoryLayout<Number>.size else {
      throw .malformed(
        path: source.path, offset: offset + found, reason: "the file ends before its last row")
    }
    offset += found
    remaining -= min(count, remaining)
    return values
  }

  /// The next rows, at most so many; empty at the end.
  public func read(_ count: Int) throws(FileError) -> [Double] {
    isDouble
      ? try numbers(count, as: Double.self, zero: 0)
      : try numbers(count, as: Float.self, zero: 0).map(Double.init)
  }

  /// The next rows as 4-byte floats, at most so many; empty at the end.
  public func readFloats(_ count: Int) throws(FileError) -> [Float] {
    isDouble
      ? try numbers(count, as: Double.self, zero: 0).map { Float($0) }
      : try numbers(count, as: Float.self, zero: 0)
  }
}

/// Writes a NumPy array file (version 1, C order); the number of rows is filled in at the end.
public final class NPYWriter: RowWriter {
  private let file: AtomicFile
  private let columns: Int?
  private let type: RowType
  private var numbers = 0

  /// Creates a file of rows with `columns` numbers, or of single numbers if nil.
  ///
  /// - Throws: `FileError.system`.
  public init(_ path: String, columns: Int?, type: RowType) throws(FileError) {
    file = try AtomicFile(path)
    self.columns = columns
    self.type = type
    try file.write(header())
  }

  /// The header has room for any number of rows, so that it can be filled in later.
  private func header() -> [UInt8] {
    Self.header(rows: numbers / max(columns ?? 1, 1), columns: columns, type: type)
  }

  static func header(rows: Int, columns: Int?, type: RowType) -> [UInt8] {
    let shape = columns.map { "(\(rows), \($0))" } ?? "(\(rows),)"
    var text =
      "{'descr': '\(type == .f64 ? "<f8" : "<f4")', 'fortran_order': False, 'shape': \(shape), }"
    text += String(repeating: " ", count: 117 - text.utf8.count) + "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(text.utf8)
  }

  /// Appends rows.
  public func write(_ values: [Float]) throws(FileError) {
    if type == .f64 { return try write(values.map(Double.init)) }
    try put(values)
  }

  /// Appends rows.
  public func write(_ values: [Double]) throws(FileError) {
    if type == .f32 { return try write(values.map { Float($0) }) }
    try put(values)
  }

  private func put<Number>(_ values: [Number]) throws(FileError) {
    var failure: FileError?
    values.withUnsafeBytes { bytes in
      do throws(FileError) { try file.write(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
    numbers += values.count
  }

  /// Completes the file and puts it in its place.
  public func finish() throws(FileError) {
    try file.patch(header(), at: 0)
    try file.commit()
  }
}
