#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes of a file or of standard input, read from the front or, where the file allows it, anywhere.
final class ByteSource {
  let path: String
  private let descriptor: Int32
  /// The part of the file that is read; nil for the whole file.
  private let window: Range<Int>?
  /// Bytes in memory, in place of the file's.
  private let memory: [UInt8]?
  private var position = 0
  /// The version of a regular file when it was opened; nil for a stream, and for bytes in memory.
  let version: FileVersion?

  /// Opens a file; `-` is standard input.
  init(_ path: String, window: Range<Int>? = nil) throws(FileError) {
    self.path = path
    self.window = window
    memory = nil
    descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
    version = descriptor < 0 ? nil : FileVersion(descriptor: descriptor)
    if descriptor < 0 { throw System.failure(path, "read") }
    var information = stat()
    if fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFDIR {
      throw .system(path: path, action: "read", reason: "it is a folder")
    }
  }

  /// Reads bytes that came from a file.
  init(_ path: String, bytes: [UInt8]) {
    (self.path, memory, window, descriptor) = (path, bytes, nil, -1)
    version = nil
  }

  /// Throws `FileError` if the file is not as it was when it was opened.
  func checkUnchanged() throws(FileError) {
    guard let version, FileVersion(descriptor: descriptor) != version else { return }
    throw FileVersion.changed(path)
  }

  deinit { if descriptor > 0 { close(descriptor) } }

  /// The size of a regular file, or of what is read of it.
  var size: Int? {
    if let known = memory?.count ?? window?.count { return known }
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return Int(information.st_size)
  }

  /// Fills memory, and returns how many bytes there were before the end.
  ///
  /// With an offset, which needs a regular file, the position of later reads does not move.
  func read(
    into memory: UnsafeMutableRawBufferPointer, at offset: Int? = nil
  ) throws(FileError) -> Int {
    let start = offset ?? position
    let found: Int
    if let bytes = self.memory {
      found = max(min(memory.count, bytes.count - start), 0)
      memory.copyBytes(from: bytes[min(start, bytes.count)..<min(start, bytes.count) + found])
    } else if let window {
      let count = max(min(memory.count, window.count - start), 0)
      found = try System.read(
        into: UnsafeMutableRawBufferPointer(rebasing: memory[..<count]), from: descriptor,
        at: window.lowerBound + start, path: path)
    } else {
      found = try System.read(into: memory, from: descriptor, at: offset, path: path)
    }
    if offset == nil { position += found }
    return found
  }

  /// Up to so many bytes, from an offset if one is given.
  func read(_ count: Int, at offset: Int? = nil) throws(FileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var failure: FileError?
    var found = 0
    bytes.withUnsafeMutableBytes { memory in
      do throws(FileError) { found = try read(into: memory, at: offset) } catch { failure = error }
    }
    if let failure { throw failure }
    return found == count ? bytes : Array(bytes.prefix(found))
  }

  /// The next bytes, at most `count`; empty at the end.
  ///
  /// Unlike `read`, it returns what a pipe holds instead of waiting until `count` bytes have come.
  func readAvailable(_ count: Int) throws(FileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    while true {
      #if canImport(Glibc)
        let found = Glibc.read(descriptor, &bytes, count)
      #else
        let found = Darwin.read(descriptor, &bytes, count)
      #endif
      if found >= 0 { return Array(bytes.prefix(found)) }
      if errno != EINTR { throw System.failure(path, "read") }
    }
  }
}
