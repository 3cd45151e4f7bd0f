#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes a one-dimensional NumPy file that an interrupted run can go on with.
///
/// The numbers lie in a file beside the output until it is complete; its name carries a hash of
/// what is being computed, so that another job's remains are never taken up.
public final class ResumableNPYWriter: RowWriter {
  private let path: String
  private let partial: String
  private var descriptor: Int32
  private let type: RowType
  private var buffer: [UInt8] = []
  /// How many numbers are there.
  public private(set) var rows = 0
  private static let headerSize = 128

  /// Opens the partial file of a job; takes up its numbers with `resume`, else starts over.
  ///
  /// - Throws: `FileError.system`.
  public init(
    _ path: String, type: RowType, fingerprint: String, resume: Bool
  ) throws(FileError) {
    self.path = path
    self.type = type
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
    for byte in fingerprint.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    partial = "\(path).\(String(hash, radix: 16)).partial"
    descriptor = open(partial, O_RDWR | O_CREAT | O_CLOEXEC | (resume ? 0 : O_TRUNC), 0o666)
    if descriptor < 0 { throw AtomicFile.failure(path, "write") }
    var information = stat()
    if fstat(descriptor, &information) != 0 { throw AtomicFile.failure(path, "write") }
    rows = max(Int(information.st_size) - Self.headerSize, 0) / type.size
    let end = off_t(Self.headerSize + rows * type.size)
    guard ftruncate(descriptor, end) == 0, lseek(descriptor, end, SEEK_SET) == end else {
      throw AtomicFile.failure(path, "write")
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Gives the file up, what was written before included.
  public func discard() {
    guard descriptor >= 0 else { return }
    close(descriptor)
    descriptor = -1
    unlink(partial)
  }

  /// Appends rows.
  public func write(_ values: [Float]) throws(FileError) {
    try put(
      type == .f32
        ? values.withUnsafeBytes { Array($0) }
        : values.map(Double.init).withUnsafeBytes { Array($0) })
    rows += values.count
  }

  /// Appends rows.
  public func write(_ values: [Double]) throws(FileError) {
    try put(
      type == .f64
        ? values.withUnsafeBytes { Array($0) }
        : values.map { Float($0) }.withUnsafeBytes { Array($0) })
    rows += values.count
  }

  private func put(_ bytes: [UInt8]) throws(FileError) {
    var start = 0
    while start < bytes.count {
      let count = bytes.withUnsafeBytes { memory in
        memory.baseAddress.map { Self.system(descriptor, $0 + start, bytes.count - start) } ?? 0
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw AtomicFile.failure(path, "write")
      }
      start += count
    }
  }

  private static func system(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, bytes, count)
    #else
      Darwin.write(descriptor, bytes, count)
    #endif
  }

  /// Completes the file and puts it in its place.
  public func finish() throws(FileError) {
    let header = NPYWriter.header(rows: rows, columns: nil, type: type)
    guard pwrite(descriptor, header, header.count, 0) == header.count, fsync(descriptor) == 0,
      close(descriptor) == 0
    else { throw AtomicFile.failure(path, "write") }
    descriptor = -1
    if rename(partial, path) != 0 { throw AtomicFile.failure(path, "write") }
  }
}
