#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Rows of a file that are read when they are needed, in any order, so that there may be more than fit in memory:
/// a `.npy` file, or an array that lies uncompressed in an `.npz`.
///
///     let x = try RowFile("x.npy")
///     x.count, x.columns
///
/// The file must not change while it is used: a reader notices and throws.
public struct RowFile: Sendable {
  /// The file.
  public let path: String
  /// The number of rows.
  public let count: Int
  /// The number of columns that are read.
  public let columns: Int
  /// Whether float32 may not hold the numbers as they are stored.
  public let isDouble: Bool
  private let options: TableOptions
  private let version: FileVersion

  /// Opens a table and checks its header and size.
  ///
  /// - Throws: `FileError`, also for a table that can only be read from the front, such as CSV.
  public init(_ path: String, options: TableOptions = TableOptions()) throws(FileError) {
    let wrong = FileError.unsupported(
      path: path, found: "a table that can only be read from the front",
      expected: "an .npy file, whose rows can be read in any order")
    // What is not a regular file must not be opened, which might take its first bytes.
    guard FileVersion.isRegular(path) != false else { throw wrong }
    guard let reader = try openRows(path, options: options) as? NPYReader,
      let version = reader.version
    else { throw wrong }
    self.path = path
    self.options = options
    self.version = version
    (count, columns, isDouble) = (reader.rowCount ?? 0, reader.columns, reader.isDouble)
  }

  /// Opens the file again for reading.
  ///
  /// - Throws: `FileError` if it is another file than before, or has changed.
  package func reader() throws(FileError) -> NPYReader {
    guard let reader = try openRows(path, options: options) as? NPYReader,
      reader.version == version
    else { throw FileVersion.changed(path) }
    return reader
  }
}

/// What tells a file from itself at another time: which file it is, its size, and when it was last written.
package struct FileVersion: Hashable, Sendable {
  private let device: UInt64
  private let number: UInt64
  private let size: Int
  private let seconds: Int
  private let nanoseconds: Int

  /// The version of an open regular file; nil for anything else.
  init?(descriptor: Int32) {
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    device = UInt64(truncatingIfNeeded: information.st_dev)
    number = UInt64(truncatingIfNeeded: information.st_ino)
    size = Int(information.st_size)
    #if canImport(Glibc)
      let time = information.st_mtim
    #else
      let time = information.st_mtimespec
    #endif
    (seconds, nanoseconds) = (Int(time.tv_sec), Int(time.tv_nsec))
  }

  /// Whether a path leads to a regular file; nil if it leads nowhere.
  static func isRegular(_ path: String) -> Bool? {
    if path == "-" { return false }
    var information = stat()
    guard stat(path, &information) == 0 else { return nil }
    return information.st_mode & S_IFMT == S_IFREG
  }

  /// The error about a file that is not as it was.
  static func changed(_ path: String) -> FileError {
    .system(
      path: path, action: "go on reading", reason: "the file changed since it was opened")
  }
}
