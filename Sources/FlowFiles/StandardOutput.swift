#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes to standard output, whole or with an error.
enum StandardOutput {
  static func write(_ bytes: [UInt8]) throws(FileError) {
    var start = 0
    while start < bytes.count {
      let count = bytes.withUnsafeBytes { memory in
        memory.baseAddress.map { put($0 + start, bytes.count - start) } ?? 0
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw AtomicFile.failure("standard output", "write")
      }
      start += count
    }
  }

  private static func put(_ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    #if canImport(Glibc)
      Glibc.write(1, bytes, count)
    #else
      Darwin.write(1, bytes, count)
    #endif
  }
}
