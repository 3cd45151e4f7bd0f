import FlowFiles
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Shared objects on disk, by the hash of C text, flags, compiler and processor.
///
/// The folder is `flowir` under `XDG_CACHE_HOME` or `~/.cache`, mode 0700. A file that is not the
/// user's own, or that others may write, is not loaded. An object is written, synced and renamed, so
/// it is whole or absent; one that is damaged nevertheless is known by its seal and made anew.
struct ObjectCache {
  let folder: String

  /// The user's own cache.
  init() throws(RuntimeError) {
    try self.init(folder: Self.base(ProcessInfo.processInfo.environment) + "/flowir")
  }

  /// The folder that caches lie in: `XDG_CACHE_HOME`, which counts as unset if it is empty or relative
  /// (XDG Base Directory Specification), or `~/.cache`.
  static func base(_ environment: [String: String]) -> String {
    if let given = environment["XDG_CACHE_HOME"], given.hasPrefix("/") { return given }
    return NSHomeDirectory() + "/.cache"
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

  /// The path of the object for a C file, compiled now if it is not there whole.
  func object(
    for text: String, toolchain: Toolchain, cpu: TargetCPU = .native,
    processor: Processor = .current
  ) throws(RuntimeError) -> String {
    let flags = Toolchain.flags(for: cpu).joined(separator: " ")
    let key = Self.hash(
      [
        text, flags, toolchain.compiler.identity, toolchain.openMP.linking, processor.identity,
      ].joined(separator: "\n"))
    let path = "\(folder)/\(key).so"
    if try isWhole(path, for: processor) { return path }
    let build = try BuildFolder(in: folder)
    defer { build.remove() }
    let (source, object) = (build.path + "/flow.c", build.path + "/flow.so")
    do throws(FileError) {
      try Outputs.writeIntermediate(Array(text.utf8), to: source)
    } catch {
      throw .cacheFailed(path: source, reason: error.description)
    }
    try toolchain.compile(
      sources: [.init(path: source, cpu: cpu)], output: object, for: .cache)
    try place(object, at: path, for: processor)
    return path
  }

  /// Whether an object is there, is as it was made, and can run on a processor.
  private func isWhole(_ path: String, for processor: Processor) throws(RuntimeError) -> Bool {
    var information = stat()
    guard lstat(path, &information) == 0 else { return false }
    try Self.checkOwner(path)
    guard let bytes = FileManager.default.contents(atPath: path),
      let needs = SealedObject.needs(of: bytes)
    else { return false }
    return needs.isSubset(of: processor.features)
  }

  /// Seals an object, brings it to the disk, and only then gives it its name.
  private func place(
    _ object: String, at path: String, for processor: Processor
  ) throws(RuntimeError) {
    func failure() -> RuntimeError {
      .cacheFailed(path: path, reason: String(cString: strerror(errno)))
    }
    guard let made = FileManager.default.contents(atPath: object) else {
      throw .cacheFailed(path: object, reason: "the compiler made no object")
    }
    let sealed = object + ".sealed"
    do {
      try SealedObject.seal(made, features: processor.features)
        .write(to: URL(fileURLWithPath: sealed))
    } catch {
      throw .cacheFailed(path: path, reason: error.localizedDescription)
    }
    let descriptor = open(sealed, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure() }
    let isSynced = fsync(descriptor) == 0 || errno == EINVAL
    close(descriptor)
    guard isSynced, chmod(sealed, 0o700) == 0, rename(sealed, path) == 0 else { throw failure() }
    System.synchronize(folder: folder)
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
