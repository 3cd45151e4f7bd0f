#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears whole or not at all: written beside its place under another name, then
/// renamed.
public final class AtomicFile {
  private let path: String
  private let temporary: String
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  private static let bufferSize = 1 << 20

  /// Opens a temporary file beside `path`.
  ///
  /// - Throws: `FileError.system`.
  public init(_ path: String) throws(FileError) {
    self.path = path
    temporary = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).partial"
    descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    if descriptor < 0 { throw Self.failure(path, "write") }
  }

  deinit { discard() }

  static func failure(_ path: String, _ action: String) -> FileError {
    .system(path: path, action: action, reason: String(cString: strerror(errno)))
  }

  /// Appends bytes.
  ///
  /// - Throws: `FileError.system`, for a full disk for instance.
  public func write(_ bytes: some Sequence<UInt8>) throws(FileError) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Appends the memory of numbers.
  ///
  /// - Throws: `FileError.system`.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= Self.bufferSize { try flush() }
  }

  private func flush() throws(FileError) {
    var start = 0
    while start < buffer.count {
      let written = buffer.withUnsafeBytes { bytes in
        bytes.baseAddress.map { Self.put(descriptor, $0 + start, bytes.count - start) } ?? 0
      }
      if written < 0 {
        if errno == EINTR { continue }
        throw Self.failure(path, "write")
      }
      start += written
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private static func put(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, bytes, count)
    #else
      Darwin.write(descriptor, bytes, count)
    #endif
  }

  /// Writes over bytes near the start, which must have been written before.
  ///
  /// - Throws: `FileError.system`.
  public func patch(_ bytes: [UInt8], at offset: Int) throws(FileError) {
    try flush()
    if pwrite(descriptor, bytes, bytes.count, off_t(offset)) != bytes.count {
      throw Self.failure(path, "write")
    }
  }

  /// Completes the file and moves it to its place.
  ///
  /// - Throws: `FileError.system`; then the old file is as it was.
  public func commit() throws(FileError) {
    try flush()
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw Self.failure(path, "write") }
    let closing = descriptor
    descriptor = -1
    guard close(closing) == 0, rename(temporary, path) == 0 else {
      let error = Self.failure(path, "write")
      unlink(temporary)
      throw error
    }
  }

  /// Gives the file up.
  public func discard() {
    guard descriptor >= 0 else { return }
    close(descriptor)
    descriptor = -1
    unlink(temporary)
  }
}
