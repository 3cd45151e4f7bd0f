import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Shared objects on disk, by the hash of C text, flags and compiler.
///
/// The folder is `flowir` under `XDG_CACHE_HOME` or `~/.cache`, mode 0700. A file that is not the
/// user's own, or that others may write, is not loaded.
struct ObjectCache {
  let folder: String

  /// The user's own cache.
  init() throws(RuntimeError) {
    let environment = ProcessInfo.processInfo.environment
    let base =
      environment["XDG_CACHE_HOME"] ?? NSHomeDirectory() + "/.cache"
    try self.init(folder: base + "/flowir")
  }

  init(folder: String) throws(RuntimeError) {
    self.folder = folder
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw .cacheFailed(path: folder, reason: error.localizedDescription)
    }
    try Self.checkOwner(folder)
  }

  private static func checkOwner(_ path: String) throws(RuntimeError) {
    var information = stat()
    guard lstat(path, &information) == 0, information.st_uid == getuid(),
      information.st_mode & 0o022 == 0
    else { throw .untrustedCache(path: path) }
  }

  /// The path of the object for a C file, compiled now if it is not there.
  func object(
    for text: String, toolchain: Toolchain, cpu: TargetCPU = .native
  ) throws(RuntimeError) -> String {
    let flags = Toolchain.flags(for: cpu).joined(separator: " ")
    let key = Self.hash(text + flags + toolchain.identity)
    let path = "\(folder)/\(key).so"
    if FileManager.default.fileExists(atPath: path) {
      try Self.checkOwner(path)
      return path
    }
    let unique = "\(folder)/\(key).\(getpid()).\(UInt32.random(in: 0...UInt32.max))"
    let source = unique + ".c"
    defer { try? FileManager.default.removeItem(atPath: source) }
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: source))
    } catch {
      throw .cacheFailed(path: source, reason: error.localizedDescription)
    }
    try toolchain.compile(source: source, output: unique, cpu: cpu)
    guard chmod(unique, 0o700) == 0, rename(unique, path) == 0 else {
      throw .cacheFailed(path: path, reason: String(cString: strerror(errno)))
    }
    return path
  }

  /// Two 64-bit FNV-1a hashes (Fowler, Noll, Vo) with different starts, in hexadecimal.
  static func hash(_ text: String) -> String {
    var a: UInt64 = 0xcbf2_9ce4_8422_2325
    var b: UInt64 = 0x9e37_79b9_7f4a_7c15
    for byte in text.utf8 {
      a = (a ^ UInt64(byte)) &* 0x100_0000_01b3
      b = (b ^ UInt64(byte &+ 17)) &* 0x100_0000_01b3
    }
    return String(a, radix: 16) + String(b, radix: 16)
  }
}
