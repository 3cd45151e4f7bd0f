/// A field of a line: its text without quotes and without spaces around it.
struct CSVField {
  var text: [UInt8]
  var isQuoted = false

  /// The number that the text states; nil if it is none.
  var number: Double? {
    guard !text.isEmpty, text.count < 64 else { return nil }
    return Double(String(decoding: text, as: UTF8.self))
  }

  /// The text as one line for a message.
  var quoted: String {
    "'" + String(decoding: text.prefix(40), as: UTF8.self).filter { !$0.isNewline } + "'"
  }

  /// The whole number that the text states in digits alone.
  var index: Int? {
    guard !text.isEmpty, text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(String(decoding: text, as: UTF8.self))
  }
}

extension CSVLine {
  private static var comma: UInt8 { 0x2c }
  private static var quote: UInt8 { 0x22 }

  /// The most columns that a table may have.
  static var mostColumns: Int { 100_000 }

  /// The fields between the line's commas (RFC 4180; a quoted field may hold commas).
  ///
  /// - Throws: `FileError.badRow` for a quote that is not closed, or too many columns.
  func fields(path: String) throws(FileError) -> [CSVField] {
    guard bytes.count(where: { $0 == Self.comma }) < Self.mostColumns else {
      throw .badRow(
        path: path, row: number, reason: "it has more than \(Self.mostColumns) columns")
    }
    guard bytes.contains(Self.quote) else {
      return bytes.split(separator: Self.comma, omittingEmptySubsequences: false).map {
        CSVField(text: Array(Self.trimmed($0)))
      }
    }
    var fields: [CSVField] = []
    var rest = bytes
    while true {
      let (field, end) = try Self.field(rest, path: path, number: number)
      fields.append(field)
      guard let end else { return fields }
      rest = rest[(end + 1)...]
    }
  }

  /// The first field, and where its comma stands; nil after the last.
  private static func field(
    _ bytes: ArraySlice<UInt8>, path: String, number: Int
  ) throws(FileError) -> (CSVField, comma: Int?) {
    let start = bytes.drop { $0 == 0x20 || $0 == 0x09 }
    guard start.first == quote else {
      let end = bytes.firstIndex(of: comma)
      return (CSVField(text: Array(trimmed(bytes[..<(end ?? bytes.endIndex)]))), end)
    }
    var text: [UInt8] = []
    var place = start.startIndex + 1
    while place < bytes.endIndex {
      if bytes[place] == quote {
        guard place + 1 < bytes.endIndex, bytes[place + 1] == quote else { break }
        place += 1
      }
      text.append(bytes[place])
      place += 1
    }
    guard place < bytes.endIndex else {
      throw .badRow(path: path, row: number, reason: "a quote is not closed in the line")
    }
    let after = bytes[(place + 1)...]
    let end = after.firstIndex(of: comma)
    guard trimmed(after[..<(end ?? after.endIndex)]).isEmpty else {
      throw .badRow(path: path, row: number, reason: "there is text after a closing quote")
    }
    return (CSVField(text: Array(trimmed(text[...])), isQuoted: true), end)
  }

  private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var bytes = bytes
    while let byte = bytes.first, byte == 0x20 || byte == 0x09 { bytes = bytes.dropFirst() }
    while let byte = bytes.last, byte == 0x20 || byte == 0x09 { bytes = bytes.dropLast() }
    return bytes
  }
}
