/// What the first lines of a CSV file say about its columns.
struct CSVHeader {
  /// The names of all columns; empty without a header.
  private(set) var names: [String] = []
  /// The places of the columns to read; nil for all.
  private(set) var places: [Int]?
  /// The columns of a line.
  let width: Int
  private(set) var notices: [String] = []

  /// Decides whether the first line is a header. `second` gives the next line; it is called only if the
  /// first line alone does not tell.
  init(
    _ line: CSVLine, path: String, options: TableOptions,
    second: () throws(FileError) -> CSVLine?
  ) throws(FileError) {
    let fields = try line.fields(path: path)
    width = fields.count
    try Self.checkSeparator(line, fields, path: path)
    let isHeader: Bool
    switch options.header {
    case .yes: isHeader = true
    case .no: isHeader = false
    case nil:
      let chosen = options.columns.map {
        $0.needsNames ? Array(fields.indices) : $0.numbered(of: fields.count)
      }
      isHeader = try judge(
        (chosen ?? Array(fields.indices)).map { fields[$0] }, line, path: path,
        needsNames: options.columns?.needsNames ?? false, second: second)
    }
    if isHeader { names = fields.map { String(decoding: $0.text, as: UTF8.self) } }
    if let columns = options.columns {
      places = try columns.places(names: names, count: width, path: path)
    } else if isHeader, !options.expectedNames.isEmpty {
      places = try expected(options.expectedNames, path: path)
    } else if isHeader, width > 1, names[0].isEmpty || names[0] == "Unnamed: 0" {
      places = Array(1..<width)
      notices.append("column 1 has no name and is left out as an index")
    }
  }

  /// The places of the columns that a flow was trained on.
  private mutating func expected(
    _ wanted: [String], path: String
  ) throws(FileError) -> [Int] {
    let missing = wanted.filter { !names.contains($0) }
    guard missing.isEmpty else {
      throw .mismatch(
        path: path, found: "no column " + missing.map { "'\($0)'" }.joined(separator: ", "),
        expected: "the columns that the flow was trained on, "
          + wanted.map { "'\($0)'" }.joined(separator: ", ")
          + "; if they have other names here, give those, or numbers, with --columns or "
          + "--context-columns")
    }
    let places = try ColumnSelection(names: wanted).places(names: names, count: width, path: path)
    if places != Array(0..<width) {
      notices.append("columns are read by name: " + wanted.joined(separator: ", "))
    }
    return places
  }

  /// Whether the first line is a header, from its fields and where need be the second line's.
  private mutating func judge(
    _ fields: [CSVField], _ line: CSVLine, path: String, needsNames: Bool,
    second: () throws(FileError) -> CSVLine?
  ) throws(FileError) -> Bool {
    let numbers = fields.count { $0.number != nil }
    if numbers == 0 { return !fields.allSatisfy(Self.isMissing) }
    if needsNames, numbers < fields.count { return true }
    let isIndexed = fields[0].text.isEmpty && Self.isSequence(Array(fields.dropFirst()))
    guard numbers == fields.count || isIndexed else { return false }
    let isQuoted = fields.allSatisfy { $0.isQuoted }
    guard isQuoted || isIndexed || Self.isSequence(fields) else { return false }
    guard let next = try second() else { return isIndexed }
    let below = try next.fields(path: path)
    let text =
      "row \(line.number) (\(fields.map { $0.text }.map { String(decoding: $0, as: UTF8.self) }.prefix(6).joined(separator: ",")))"
    if isIndexed || below.contains(where: { !$0.isQuoted }) && isQuoted
      || below.contains(where: { $0.index == nil && $0.number != nil })
    {
      notices.append("\(text) is taken for a header; --header no if it is data")
      return true
    }
    if !isQuoted, fields[0].index == 0 {
      notices.append("\(text) is taken for data; --header yes if it is a header")
    }
    return false
  }

  /// Whether a field is what programs write for a missing number.
  private static func isMissing(_ field: CSVField) -> Bool {
    ["", "na", "n/a", "null", "none", "-", "?"].contains(
      String(decoding: field.text, as: UTF8.self).lowercased())
  }

  /// Whether fields are whole numbers one after another, as pandas numbers columns without names.
  private static func isSequence(_ fields: [CSVField]) -> Bool {
    guard let first = fields.first?.index, fields.count > 1 || first == 0 else { return false }
    return fields.enumerated().allSatisfy {
      guard let index = $1.index else { return false }
      return index - $0 == first
    }
  }

  /// Refuses separators other than commas.
  private static func checkSeparator(
    _ line: CSVLine, _ fields: [CSVField], path: String
  ) throws(FileError) {
    for (byte, name) in [(UInt8(ascii: ";"), "semicolons"), (0x09, "tabs")] {
      // Commas in the same line are decimal commas.
      let parts = line.bytes.split(separator: byte, omittingEmptySubsequences: false).count
      guard parts > 1, fields.contains(where: { $0.number == nil && $0.text.contains(byte) })
      else { continue }
      throw .unsupported(
        path: path, found: "row \(line.number) with fields separated by \(name)",
        expected: "commas, and points for decimals")
    }
    if fields.count == 1, fields[0].number == nil {
      let words = fields[0].text.split(separator: 0x20)
      if words.count > 1, words.allSatisfy({ CSVField(text: Array($0)).number != nil }) {
        throw .unsupported(
          path: path, found: "row \(line.number) with fields separated by spaces",
          expected: "commas")
      }
    }
  }
}
