import FlowFiles
import FlowIR

/// A float type that flows compute in: `Float` or `Double`.
public protocol FlowScalar: BinaryFloatingPoint, LosslessStringConvertible, Sendable {
  /// The type in compiled code.
  static var dtype: DType { get }
  /// Reads the next rows of a file, rounded to this type.
  static func read(_ reader: any RowReader, _ count: Int) throws(FileError) -> [Self]
}

extension Float: FlowScalar {
  /// 4-byte floats.
  public static var dtype: DType { .f32 }
  /// Reads the next rows, rounded to 4-byte floats.
  public static func read(_ reader: any RowReader, _ count: Int) throws(FileError) -> [Float] {
    try reader.readFloats(count)
  }
}

extension Double: FlowScalar {
  /// 8-byte floats.
  public static var dtype: DType { .f64 }
  /// Reads the next rows.
  public static func read(_ reader: any RowReader, _ count: Int) throws(FileError) -> [Double] {
    try reader.read(count)
  }
}

/// A table of numbers, row-major: what flows score and what they draw.
///
///     let x: Rows = [[0.1, 2], [0.3, 4]]          // two rows of two features
///     let y = Rows(numbers, columns: 5)           // shares the array's memory
///     let z = try Rows<Float>(contentsOf: "z.npy")
///     x[1][0]                                     // 0.3
public struct Rows<Scalar: FlowScalar>: Sendable {
  /// Where the numbers are.
  enum Storage: @unchecked Sendable {
    case owned([Scalar])
    /// The caller's memory, which outlives the table.
    case borrowed(UnsafeBufferPointer<Scalar>)
  }

  let storage: Storage
  /// The number of rows.
  public let count: Int
  /// The number of columns.
  public let columns: Int
  /// The names of the columns; nil if they have none.
  public var columnNames: [String]?

  /// Makes a table of numbers in row-major order, without a copy.
  ///
  /// - Precondition: the numbers fill whole rows.
  public init(_ values: [Scalar], columns: Int, columnNames: [String]? = nil) {
    precondition(
      columns > 0 && values.count % columns == 0,
      "\(values.count) numbers do not fill rows of \(columns) columns")
    self.init(.owned(values), count: values.count / columns, columns, columnNames)
  }

  /// Makes a table of arrays, one for each row; an empty one has one column.
  ///
  /// - Precondition: all rows have the same length, which is not 0.
  public init(_ rows: [[Scalar]]) {
    let columns = rows.first?.count ?? 1
    precondition(
      columns > 0 && rows.allSatisfy { $0.count == columns },
      "the rows do not have the same length, or it is 0")
    self.init(.owned(rows.flatMap { $0 }), count: rows.count, columns, nil)
  }

  /// Makes a table of the caller's memory, without a copy. The memory must outlive the table and must not
  /// change while the table is used.
  ///
  /// - Precondition: the numbers fill whole rows.
  public init(borrowing buffer: UnsafeBufferPointer<Scalar>, columns: Int) {
    precondition(
      columns > 0 && buffer.count % columns == 0,
      "\(buffer.count) numbers do not fill rows of \(columns) columns")
    self.init(.borrowed(buffer), count: buffer.count / columns, columns, nil)
  }

  /// Reads a `.npy` or `.csv` file; numbers are rounded to the table's type.
  ///
  /// - Throws: `FileError` naming the file and the place.
  public init(contentsOf path: String) throws(FileError) {
    let reader = try openRows(path)
    var values: [Scalar] = []
    while true {
      let part = try Scalar.read(reader, 65536)
      if part.isEmpty { break }
      values += part
    }
    let names = reader.columnNames
    self.init(
      .owned(values), count: values.count / Swift.max(reader.columns, 1), reader.columns,
      names.isEmpty ? nil : names)
  }

  /// Makes a table of one row.
  public init(_ row: Row<Scalar>) { self.init(Array(row), columns: row.count) }

  private init(_ storage: Storage, count: Int, _ columns: Int, _ names: [String]?) {
    precondition(
      names == nil || names?.count == columns, "there is not one name for each column")
    self.storage = storage
    self.count = count
    self.columns = columns
    columnNames = names
  }

  /// The numbers in row-major order.
  public var values: [Scalar] {
    switch storage {
    case .owned(let values): values
    case .borrowed(let buffer): Array(buffer)
    }
  }

  /// Calls a closure with the numbers in row-major order.
  public func withUnsafeBufferPointer<Output, Failure: Error>(
    _ body: (UnsafeBufferPointer<Scalar>) throws(Failure) -> Output
  ) throws(Failure) -> Output {
    switch storage {
    case .owned(let values): try values.withUnsafeBufferPointer(body)
    case .borrowed(let buffer): try body(buffer)
    }
  }

  /// Writes a `.npy` or `.csv` file, whole or not at all.
  ///
  /// - Throws: `FileError`.
  public func write(to path: String) throws(FileError) {
    let type: RowType = Scalar.dtype == .f64 ? .f64 : .f32
    let writer = try createRows(path, columns: columns, type: type)
    switch values {
    case let floats as [Float]: try writer.write(floats)
    default: try writer.write(values.map { Double($0) })
    }
    try writer.finish()
  }
}

extension Rows: ExpressibleByArrayLiteral {
  /// Makes a table of arrays, one for each row.
  public init(arrayLiteral rows: [Scalar]...) { self.init(rows) }
}

extension Rows: RandomAccessCollection {
  /// 0.
  public var startIndex: Int { 0 }
  /// The number of rows.
  public var endIndex: Int { count }
  /// One row.
  public subscript(index: Int) -> Row<Scalar> {
    precondition(indices.contains(index), "row \(index) of a table of \(count) rows")
    return Row(storage: storage, bounds: index * columns..<(index + 1) * columns)
  }
}

extension Rows: Equatable {
  /// Whether two tables have the same shape and numbers; names are not compared.
  public static func == (a: Rows, b: Rows) -> Bool {
    a.columns == b.columns && a.count == b.count
      && a.withUnsafeBufferPointer { a in b.withUnsafeBufferPointer { a.elementsEqual($0) } }
  }
}

/// One row of a table, which shares its memory.
public struct Row<Scalar: FlowScalar>: RandomAccessCollection, Sendable {
  let storage: Rows<Scalar>.Storage
  let bounds: Range<Int>

  /// 0.
  public var startIndex: Int { 0 }
  /// The number of columns.
  public var endIndex: Int { bounds.count }
  /// The number in a column.
  public subscript(column: Int) -> Scalar {
    precondition(indices.contains(column), "column \(column) of a row of \(bounds.count) columns")
    return switch storage {
    case .owned(let values): values[bounds.lowerBound + column]
    case .borrowed(let buffer): buffer[bounds.lowerBound + column]
    }
  }
}
