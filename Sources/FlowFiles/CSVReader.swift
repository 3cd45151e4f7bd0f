/// Reads comma-separated numbers; a first line that names the columns is recognised.
public final class CSVReader: RowReader {
  /// The numbers in a row.
  public let columns: Int
  /// The number of rows, if the source tells.
  public var rowCount: Int? { nil }
  /// Whether float32 may not hold the numbers.
  public var isDouble: Bool { true }
  /// The names in the header, those of columns that are not read included.
  public let names: [String]
  /// The names of the columns that are read, in their order; empty without a header.
  public var columnNames: [String] {
    names.isEmpty ? [] : (places ?? Array(names.indices)).map { names[$0] }
  }
  /// What was assumed about header and index.
  public let notices: [String]
  private let path: String
  private let width: Int
  private let places: [Int]?
  private var lines: CSVLines
  private var pending: [CSVLine] = []
  /// The numbers of the lines last read.
  private var numbers: [Int] = []

  /// Opens a file, or standard input for `-`, and reads its first line.
  ///
  /// - Throws: `FileError`.
  public init(_ path: String, options: TableOptions = TableOptions()) throws(FileError) {
    self.path = path
    lines = CSVLines(source: try ByteSource(path))
    guard let first = try lines.next() else {
      throw .badRow(path: path, row: 1, reason: "the file has no rows")
    }
    var next: CSVLine?
    var rest = lines
    let header = try CSVHeader(first, path: path, options: options) { () throws(FileError) in
      next = try rest.next()
      return next
    }
    lines = rest
    names = header.names
    notices = header.notices
    width = header.width
    places = header.places
    columns = header.places?.count ?? header.width
    if header.names.isEmpty {
      pending = [first]
      _ = try values(of: first, isFirst: true)
    }
    if let next { pending.append(next) }
  }

  /// The next rows, at most so many; empty at the end.
  public func read(_ count: Int) throws(FileError) -> [Double] {
    var result: [Double] = []
    numbers = []
    while numbers.count < count {
      let line: CSVLine
      if !pending.isEmpty {
        line = pending.removeFirst()
      } else if let next = try lines.next() {
        line = next
      } else {
        break
      }
      result += try values(of: line)
      numbers.append(line.number)
    }
    return result
  }

  /// The number of a row last read, as an editor counts lines.
  public func number(ofRow row: Int) -> Int { numbers.indices.contains(row) ? numbers[row] : 0 }

  private func values(of line: CSVLine, isFirst: Bool = false) throws(FileError) -> [Double] {
    let fields = try line.fields(path: path)
    guard fields.count == width else {
      throw .badRow(
        path: path, row: line.number,
        reason: "\(fields.count) columns, the first row has \(width)")
    }
    var values: [Double] = []
    values.reserveCapacity(columns)
    for place in places ?? Array(0..<width) {
      guard let number = fields[place].number else {
        throw .badRow(
          path: path, row: line.number, reason: Self.reason(fields[place], place, isFirst))
      }
      values.append(number)
    }
    return values
  }

  private static func reason(_ field: CSVField, _ place: Int, _ isFirst: Bool) -> String {
    let found = "column \(place + 1)" + (field.text.isEmpty ? " is empty" : "")
    let advice =
      isFirst
      ? "--header yes if row 1 is a header"
      : "write nan for an unknown number, or leave the column out with --columns"
    return field.text.isEmpty
      ? "\(found); \(advice)" : "\(found) is not a number: \(field.quoted); \(advice)"
  }
}
