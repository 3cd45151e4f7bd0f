/// Reads a NumPy array of real numbers: floats, integers and booleans of either byte order, in C or
/// Fortran order, of one or two dimensions, versions 1 to 3.
public final class NPYReader: RowReader {
  /// The numbers in a row.
  public let columns: Int
  /// The number of rows, if the source tells.
  public var rowCount: Int? { shape[0] }
  /// Whether float32 may not hold the numbers.
  public var isDouble: Bool { header.element.isDouble }
  /// The dimensions as stored.
  public var shape: [Int] { header.shape }
  private let source: ByteSource
  private let header: NPYHeader
  private let places: [Int]?
  private var done = 0
  private var last = 0

  /// Opens a file and checks its header and size.
  ///
  /// - Throws: `FileError` with the byte offset or what was found and expected.
  public convenience init(_ path: String) throws(FileError) {
    try self.init(ByteSource(path), columns: nil)
  }

  /// Opens an array of an `.npz` archive; without a name, the only one.
  convenience init(
    npz path: String, array: String?, columns: ColumnSelection?
  ) throws(FileError) {
    let archive = try ZipArchive(path: path)
    try self.init(archive.open(array: array), columns: columns)
  }

  init(_ source: ByteSource, columns selection: ColumnSelection?) throws(FileError) {
    self.source = source
    header = try NPYHeader(source)
    let width = header.shape.count == 2 ? header.shape[1] : 1
    places = try selection?.places(names: [], count: width, path: source.path)
    columns = places?.count ?? width
    if isStrided, source.size == nil {
      throw .unsupported(
        path: source.path, found: "Fortran order in a stream",
        expected: "a file, or C order (numpy.ascontiguousarray)")
    }
  }

  private var width: Int { shape.count == 2 ? shape[1] : 1 }
  private var isStrided: Bool { header.isFortran && width > 1 }

  /// Which version of a file is read, whose rows can be read in any order; nil for a stream, and for an array that
  /// was compressed.
  package var version: FileVersion? { source.version }

  /// Goes on with a row, counted from 0, of a file that must not have changed since it was opened.
  ///
  /// - Throws: `FileError` if it has.
  package func seek(toRow row: Int) throws(FileError) {
    try source.checkUnchanged()
    done = min(max(row, 0), shape[0])
  }

  /// The number of a row last read, from 1.
  public func number(ofRow row: Int) -> Int { last + row + 1 }

  /// The next rows, at most so many; empty at the end.
  public func read(_ count: Int) throws(FileError) -> [Double] {
    try numbers(count, zero: 0.0) { $0 }
  }

  /// The next rows as 4-byte floats, at most so many; empty at the end.
  public func readFloats(_ count: Int) throws(FileError) -> [Float] {
    try numbers(count, zero: Float(0)) { Float($0) }
  }

  private func numbers<Number: BinaryFloatingPoint>(
    _ count: Int, zero: Number, _ convert: (Double) -> Number
  ) throws(FileError) -> [Number] {
    let rows = min(count, shape[0] - done)
    last = done
    done += rows
    let size = MemoryLayout<Number>.size
    if !isStrided, places == nil, header.element.isStored(as: size) {
      var values = [Number](repeating: zero, count: rows * width)
      var problem: FileError?
      values.withUnsafeMutableBytes { memory in
        do throws(FileError) { try fill(memory, row: last) } catch { problem = error }
      }
      if let problem { throw problem }
      return values
    }
    let element = header.element
    var bytes = [UInt8](repeating: 0, count: rows * width * element.size)
    var problem: FileError?
    bytes.withUnsafeMutableBytes { memory in
      do throws(FileError) {
        if isStrided {
          try gather(memory, rows: rows)
        } else {
          try fill(memory, row: last)
        }
      } catch {
        problem = error
      }
    }
    if let problem { throw problem }
    let (rowStep, columnStep) = isStrided ? (1, rows) : (width, 1)
    return bytes.withUnsafeBytes { memory in
      var values: [Number] = []
      values.reserveCapacity(rows * columns)
      for row in 0..<rows {
        for place in places ?? Array(0..<width) {
          let index = row * rowStep + place * columnStep
          values.append(convert(element.number(memory, at: index * element.size)))
        }
      }
      return values
    }
  }

  /// The next bytes, of whole rows.
  private func fill(_ memory: UnsafeMutableRawBufferPointer, row: Int) throws(FileError) {
    let offset = header.offset + row * width * header.element.size
    let found = try source.read(into: memory, at: source.version == nil ? nil : offset)
    guard found == memory.count else {
      throw .malformed(
        path: source.path, offset: offset + found, reason: "the file ends before its last row")
    }
  }

  /// The next rows of an array that is stored column by column; here too, columns come whole.
  private func gather(_ memory: UnsafeMutableRawBufferPointer, rows: Int) throws(FileError) {
    let size = header.element.size
    for column in 0..<width {
      let part = UnsafeMutableRawBufferPointer(
        rebasing: memory[column * rows * size..<(column + 1) * rows * size])
      let offset = header.offset + (column * shape[0] + last) * size
      guard try source.read(into: part, at: offset) == part.count else {
        throw .malformed(
          path: source.path, offset: offset, reason: "the file ends before its last row")
      }
    }
  }
}
