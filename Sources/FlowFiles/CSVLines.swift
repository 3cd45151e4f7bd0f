/// A line of a text and its number, from 1.
struct CSVLine {
  let bytes: ArraySlice<UInt8>
  let number: Int
}

/// The lines of a source that are not empty.
struct CSVLines {
  private let source: ByteSource
  private var buffer: [UInt8] = []
  private var position = 0
  /// The part of the buffer that is known to hold no end of a line.
  private var searched = 0
  private var number = 0
  private var isAtEnd = false
  private static let longest = 1 << 24

  init(source: ByteSource) { self.source = source }

  /// The next line that is not empty, without its end; nil after the last.
  mutating func next() throws(FileError) -> CSVLine? {
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0a) {
        let line = take(upTo: end)
        if !line.bytes.isEmpty { return line }
        continue
      }
      searched = buffer.count
      if isAtEnd {
        let line = take(upTo: buffer.count)
        return line.bytes.isEmpty ? nil : line
      }
      buffer.removeFirst(position)
      (position, searched) = (0, buffer.count)
      guard buffer.count < Self.longest else {
        throw .badRow(
          path: source.path, row: number + 1, reason: "it is longer than 16 MiB; is this a text?")
      }
      let more = try source.readAvailable(1 << 16)
      if more.isEmpty { isAtEnd = true }
      if number == 0, buffer.isEmpty { try checkStart(more) }
      buffer += more
      // Spreadsheets put a byte-order mark of three bytes before UTF-8 text.
      if number == 0, position == 0, buffer.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
    }
  }

  private mutating func take(upTo end: Int) -> CSVLine {
    var line = buffer[position..<end]
    if line.last == 0x0d { line = line.dropLast() }
    position = min(end + 1, buffer.count)
    searched = position
    number += 1
    return CSVLine(bytes: line, number: number)
  }

  private func checkStart(_ bytes: [UInt8]) throws(FileError) {
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
      throw .unsupported(
        path: source.path, found: "text in UTF-16", expected: "UTF-8; save the file as such")
    }
    if let kind = FileKind(bytes), kind != .json {
      throw .unsupported(path: source.path, found: kind.name, expected: "comma-separated numbers")
    }
  }
}
