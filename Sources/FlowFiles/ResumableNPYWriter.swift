/// Writes a one-dimensional NumPy array that an interrupted run can go on with.
///
/// Until it is complete, the place of its header holds a digest of what is being computed, so that
/// another job's remains are never taken up.
public final class ResumableNPYWriter: RowWriter {
  private let file: OutputFile
  private let type: RowType
  /// How many numbers are there.
  public private(set) var rows: Int
  /// How many numbers an earlier run left.
  public let resumed: Int
  private static let headerSize = 128

  /// Takes up the numbers of an earlier run of the same job if the file was opened to do so.
  ///
  /// - Throws: `FileError.system`.
  public init(
    _ file: OutputFile, type: RowType, fingerprint: String
  ) throws(FileError) {
    (self.file, self.type) = (file, type)
    let mark = Self.mark(fingerprint, type)
    let isSame =
      file.found > Self.headerSize ? try file.read(Self.headerSize, at: 0) == mark : false
    rows = isSame ? (file.found - Self.headerSize) / type.size : 0
    resumed = rows
    try file.truncate(to: isSame ? Self.headerSize + rows * type.size : 0)
    if !isSame { try file.write(mark) }
    try file.flush()
    file.servesLater = true
  }

  private static func mark(_ fingerprint: String, _ type: RowType) -> [UInt8] {
    let text = "flowir partial result, \(type), job \(Digest(of: fingerprint).text)"
    return Array(text.utf8) + [UInt8](repeating: 0x20, count: headerSize - text.utf8.count)
  }

  /// The numbers of the earlier run, from a row on, at most so many.
  ///
  /// - Throws: `FileError.system`.
  public func earlier(from row: Int, count: Int) throws(FileError) -> [Double] {
    let size = type.size
    let bytes = try file.read(
      min(count, resumed - row) * size, at: Self.headerSize + row * size)
    return bytes.withUnsafeBytes { memory in
      (0..<memory.count / size).map {
        type == .f64
          ? memory.loadUnaligned(fromByteOffset: $0 * size, as: Double.self)
          : Double(memory.loadUnaligned(fromByteOffset: $0 * size, as: Float.self))
      }
    }
  }

  /// Appends rows, which an interrupted run leaves for the next at once.
  public func write(_ values: [Float]) throws(FileError) {
    try file.write(values, as: type)
    try file.flush()
    rows += values.count
  }

  /// Appends rows, which an interrupted run leaves for the next at once.
  public func write(_ values: [Double]) throws(FileError) {
    try file.write(values, as: type)
    try file.flush()
    rows += values.count
  }

  /// Completes the array.
  public func finish() throws(FileError) {
    try file.patch(NPYWriter.header(rows: rows, columns: nil, type: type), at: 0)
  }
}
