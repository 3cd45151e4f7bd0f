#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The place of an output, after checks: symbolic links are followed, and nothing lies there that must
/// not be replaced.
struct OutputPlace {
  let path: String
  let target: String
  let partial: String
  /// The file that is there now.
  private(set) var identity: FileIdentity?
  /// Its permissions, which the new one gets.
  private(set) var mode: mode_t?
  /// Its owner and group, which the new one gets as far as this process may.
  private(set) var owner: (user: uid_t, group: gid_t)?

  init(_ path: String, inputs: Set<FileIdentity>) throws(FileError) {
    self.path = path
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw .system(path: "'\(path)'", action: "write", reason: "it is not the name of a file")
    }
    target = try Self.followed(path)
    partial = target + ".flowir.partial"
    let (folder, name) = System.split(target)
    var information = stat()
    guard stat(folder, &information) == 0 else {
      throw .system(
        path: path, action: "write",
        reason: errno == ENOENT
          ? "the folder \(folder) does not exist" : String(cString: strerror(errno)))
    }
    guard information.st_mode & S_IFMT == S_IFDIR else {
      throw Self.refused(path, "\(folder) is not a folder")
    }
    guard !name.isEmpty else { throw Self.refused(path, "it is a folder") }
    guard stat(target, &information) == 0 else {
      if errno == ENOENT { return }
      throw System.failure(path, "write")
    }
    let kind = information.st_mode & S_IFMT
    guard kind != S_IFDIR else { throw Self.refused(path, "it is a folder") }
    guard kind == S_IFREG else {
      throw Self.refused(path, "it is a device or pipe; name a file, or - for standard output")
    }
    let identity = FileIdentity(information)
    guard !inputs.contains(identity) else {
      throw Self.refused(path, "it is an input of this command too; name another file")
    }
    guard access(target, W_OK) == 0 else { throw System.failure(path, "write") }
    self.identity = identity
    mode = information.st_mode & 0o7777
    owner = (information.st_uid, information.st_gid)
  }

  static func refused(_ path: String, _ reason: String) -> FileError {
    .system(path: path, action: "write", reason: reason)
  }

  /// The path with symbolic links followed, even if the last of them points to nothing yet.
  private static func followed(_ path: String) throws(FileError) -> String {
    var path = path
    for _ in 0..<40 {
      var buffer = [CChar](repeating: 0, count: 4096)
      let count = readlink(path, &buffer, buffer.count)
      guard count > 0 else { return path }
      let link = String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      path = link.hasPrefix("/") ? link : System.split(path).folder + "/" + link
    }
    throw refused(path, "too many symbolic links")
  }
}
