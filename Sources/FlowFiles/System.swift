#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Calls of the operating system, each finished: interrupted calls go on, short ones too.
package enum System {
  /// The reason of the last call's failure, as an error about a file.
  static func failure(_ path: String, _ action: String) -> FileError {
    .system(path: path, action: action, reason: String(cString: strerror(errno)))
  }

  #if canImport(Glibc)
    package typealias Resource = __rlimit_resource
  #else
    package typealias Resource = Int32
  #endif

  /// A limit of the process; the largest number without one.
  package static func limit(_ resource: Resource) -> Int {
    var limit = rlimit()
    #if canImport(Glibc)
      let found = getrlimit(__rlimit_resource_t(resource.rawValue), &limit)
    #else
      let found = getrlimit(resource, &limit)
    #endif
    return found == 0 ? Int(clamping: limit.rlim_cur) : .max
  }

  /// Writes all bytes.
  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String
  ) throws(FileError) {
    var start = 0
    while start < bytes.count, let base = bytes.baseAddress {
      #if canImport(Glibc)
        let count = Glibc.write(descriptor, base + start, bytes.count - start)
      #else
        let count = Darwin.write(descriptor, base + start, bytes.count - start)
      #endif
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(path, "write")
      }
      start += count
    }
  }

  /// Writes all bytes of an array.
  static func write(
    _ bytes: [UInt8], to descriptor: Int32, path: String
  ) throws(FileError) {
    var problem: FileError?
    bytes.withUnsafeBytes { memory in
      do throws(FileError) {
        try write(memory, to: descriptor, path: path)
      } catch {
        problem = error
      }
    }
    if let problem { throw problem }
  }

  /// Reads until the memory is full or the file ends; gives how many bytes there were.
  ///
  /// With an offset the file's own position neither counts nor moves.
  static func read(
    into memory: UnsafeMutableRawBufferPointer, from descriptor: Int32, at offset: Int? = nil,
    path: String
  ) throws(FileError) -> Int {
    var done = 0
    while done < memory.count, let base = memory.baseAddress {
      let count: Int
      if let offset {
        count = pread(descriptor, base + done, memory.count - done, off_t(offset + done))
      } else {
        #if canImport(Glibc)
          count = Glibc.read(descriptor, base + done, memory.count - done)
        #else
          count = Darwin.read(descriptor, base + done, memory.count - done)
        #endif
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(path, "read")
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// Brings a file's bytes to the disk, where its kind of file has one.
  static func synchronize(_ descriptor: Int32, path: String) throws(FileError) {
    while fsync(descriptor) != 0 {
      if errno == EINTR { continue }
      if errno == EINVAL || errno == ENOTSUP { return }
      throw failure(path, "write")
    }
  }

  /// Opens a file and closes it again.
  ///
  /// - Throws: `FileError` with the system's own word on why it can't be read.
  package static func checkReadable(_ path: String) throws(FileError) {
    _ = try ByteSource(path)
  }

  /// Brings the names in a folder to the disk; best effort, since not every file system can.
  package static func synchronize(folder: String) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    close(descriptor)
  }

  /// The folder of a path, and the last part of it.
  static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = path[..<slash]
    return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
  }
}

/// What tells one file from another, whatever their names are.
package struct FileIdentity: Hashable {
  let device: UInt64
  let number: UInt64

  init(_ information: stat) {
    device = UInt64(truncatingIfNeeded: information.st_dev)
    number = UInt64(truncatingIfNeeded: information.st_ino)
  }

  /// The file that a path leads to; `-` is a file on standard input. Nil if there is none.
  package init?(path: String) {
    var information = stat()
    guard (path == "-" ? fstat(0, &information) : stat(path, &information)) == 0 else { return nil }
    self.init(information)
  }

  /// The file of a descriptor.
  package init?(descriptor: Int32) {
    var information = stat()
    guard fstat(descriptor, &information) == 0 else { return nil }
    self.init(information)
  }
}
