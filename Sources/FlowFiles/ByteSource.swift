#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes of a file or of standard input, read from the front.
final class ByteSource {
  let path: String
  private let descriptor: Int32

  /// Opens a file; `-` is standard input.
  init(_ path: String) throws(FileError) {
    self.path = path
    descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw AtomicFile.failure(path, "read") }
    var information = stat()
    if fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFDIR {
      throw .system(path: path, action: "read", reason: "it is a folder")
    }
  }

  deinit { if descriptor > 0 { close(descriptor) } }

  /// The size of a regular file.
  var size: Int? {
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return Int(information.st_size)
  }

  /// Fills memory; gives how many bytes there were before the end.
  func read(into memory: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
    var done = 0
    while done < memory.count, let base = memory.baseAddress {
      #if canImport(Glibc)
        let count = Glibc.read(descriptor, base + done, memory.count - done)
      #else
        let count = Darwin.read(descriptor, base + done, memory.count - done)
      #endif
      if count < 0 {
        if errno == EINTR { continue }
        throw AtomicFile.failure(path, "read")
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  func read(_ count: Int) throws(FileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var failure: FileError?
    var found = 0
    bytes.withUnsafeMutableBytes { memory in
      do throws(FileError) { found = try read(into: memory) } catch { failure = error }
    }
    if let failure { throw failure }
    return Array(bytes.prefix(found))
  }
}
