/// Reads comma-separated numbers; a first line that is not numeric is taken for a header.
public final class CSVReader: RowReader {
  /// The numbers in a row.
  public let columns: Int
  /// The number of rows, if the source tells.
  public var rowCount: Int? { nil }
  /// Whether the numbers are 8-byte floats.
  public var isDouble: Bool { true }
  /// The names in the header, if there is one.
  public let names: [String]
  private let source: ByteSource
  private var lines: Lines
  private var row = 0
  private var pending: [Double]?

  /// Opens a file, or standard input for `-`, and reads its first line.
  ///
  /// - Throws: `FileError`.
  public init(_ path: String) throws(FileError) {
    source = try ByteSource(path)
    var lines = Lines(source: source)
    guard let first = try lines.next() else {
      throw .badRow(path: path, row: 1, reason: "the file has no rows")
    }
    let fields = Self.fields(first)
    let numbers = fields.compactMap(Self.number)
    let isNumeric = numbers.count == fields.count
    names = isNumeric ? [] : fields.map { String(decoding: $0, as: UTF8.self) }
    if !isNumeric, numbers.count > 0 {
      let column = fields.firstIndex { Self.number($0) == nil } ?? 0
      throw .badRow(
        path: path, row: 1,
        reason:
          "column \(column + 1) is no number: '\(String(decoding: fields[column], as: UTF8.self))'")
    }
    columns = fields.count
    pending = isNumeric ? numbers : nil
    row = 1
    self.lines = lines
  }

  /// The next rows, at most so many; empty at the end.
  public func read(_ count: Int) throws(FileError) -> [Double] {
    var values: [Double] = []
    var read = 0
    if let first = pending, count > 0 {
      values = first
      pending = nil
      read = 1
    }
    while read < count, let line = try lines.next() {
      row += 1
      let fields = Self.fields(line)
      guard fields.count == columns else {
        throw .badRow(
          path: source.path, row: row,
          reason: "\(fields.count) columns, the first row has \(columns)")
      }
      for (column, field) in fields.enumerated() {
        guard let number = Self.number(field) else {
          throw .badRow(
            path: source.path, row: row,
            reason:
              "column \(column + 1) is no number: '\(String(decoding: field.prefix(40), as: UTF8.self))'"
          )
        }
        values.append(number)
      }
      read += 1
    }
    return values
  }

  private static func fields(_ line: [UInt8]) -> [ArraySlice<UInt8>] {
    line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map { field in
      var field = field
      while let byte = field.first, byte == 0x20 || byte == 0x09 { field = field.dropFirst() }
      while let byte = field.last, byte == 0x20 || byte == 0x09 { field = field.dropLast() }
      return field
    }
  }

  private static func number(_ field: ArraySlice<UInt8>) -> Double? {
    guard !field.isEmpty, field.count < 64 else { return nil }
    return Double(String(decoding: field, as: UTF8.self))
  }
}

/// The lines of a source that are not empty.
private struct Lines {
  let source: ByteSource
  private var buffer: [UInt8] = []
  private var position = 0
  private var isAtEnd = false
  private static let longest = 1 << 24

  init(source: ByteSource) { self.source = source }

  mutating func next() throws(FileError) -> [UInt8]? {
    while true {
      if let end = buffer[position...].firstIndex(of: 0x0a) {
        let line = trimmed(buffer[position..<end])
        position = end + 1
        if !line.isEmpty { return line }
        continue
      }
      if isAtEnd {
        let line = trimmed(buffer[position...])
        position = buffer.count
        return line.isEmpty ? nil : line
      }
      buffer.removeFirst(position)
      position = 0
      guard buffer.count < Self.longest else {
        throw .malformed(
          path: source.path, offset: buffer.count, reason: "a line is longer than 16 MiB")
      }
      let more = try source.read(1 << 16)
      if more.isEmpty { isAtEnd = true }
      buffer += more
    }
  }

  private func trimmed(_ line: ArraySlice<UInt8>) -> [UInt8] {
    Array(line.last == 0x0d ? line.dropLast() : line)
  }
}

/// Writes comma-separated numbers, each as short as is exact; `-` is standard output.
public final class CSVWriter: RowWriter {
  private let file: AtomicFile?
  private let columns: Int

  /// Creates a file.
  ///
  /// - Throws: `FileError.system`.
  public init(_ path: String, columns: Int) throws(FileError) {
    file = path == "-" ? nil : try AtomicFile(path)
    self.columns = columns
  }

  /// Appends rows.
  public func write(_ values: [Float]) throws(FileError) { try put(values.map(\.description)) }

  /// Appends rows.
  public func write(_ values: [Double]) throws(FileError) { try put(values.map(\.description)) }

  private func put(_ texts: [String]) throws(FileError) {
    var bytes: [UInt8] = []
    for (index, text) in texts.enumerated() {
      bytes += text.utf8
      bytes.append(index % columns == columns - 1 ? 0x0a : UInt8(ascii: ","))
    }
    if let file {
      try file.write(bytes)
    } else {
      try StandardOutput.write(bytes)
    }
  }

  /// Completes the file and puts it in its place.
  public func finish() throws(FileError) { try file?.commit() }
}
