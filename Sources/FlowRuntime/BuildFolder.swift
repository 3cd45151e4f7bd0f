import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder in the cache for one build, locked while it lasts: what has no lock is of a killed run,
/// and the next build removes it.
struct BuildFolder {
  let path: String
  private let lock: Int32
  private static let start = "build-"

  /// Makes a folder, after removing those of killed runs.
  init(in cache: String) throws(RuntimeError) {
    Self.clean(cache)
    path = "\(cache)/\(Self.start)\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    guard mkdir(path, 0o700) == 0 else {
      throw .cacheFailed(path: path, reason: String(cString: strerror(errno)))
    }
    lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else {
      let reason = String(cString: strerror(errno))
      rmdir(path)
      throw .cacheFailed(path: path, reason: reason)
    }
    _ = flock(lock, LOCK_EX | LOCK_NB)
  }

  /// Removes the folder and all in it.
  func remove() {
    try? FileManager.default.removeItem(atPath: path)
    close(lock)
  }

  /// Removes what killed runs left: folders without a lock, and files that are no objects, as older
  /// versions wrote them. What is a minute young may be between its making and its lock.
  private static func clean(_ cache: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: cache)) ?? []
    for name in names where !name.hasSuffix(".so") {
      let path = cache + "/" + name
      var information = stat()
      guard lstat(path, &information) == 0, information.st_uid == getuid() else { continue }
      let age = Int(time(nil)) - Int(modified(information))
      let isFolder = information.st_mode & S_IFMT == S_IFDIR
      guard isFolder ? name.hasPrefix(start) : age > 3600 else { continue }
      if isFolder {
        let held = open(path + "/lock", O_RDWR | O_CLOEXEC)
        if held >= 0 {
          defer { close(held) }
          guard flock(held, LOCK_EX | LOCK_NB) == 0 else { continue }
        } else if age < 60 {
          continue
        }
      }
      try? FileManager.default.removeItem(atPath: path)
    }
  }

  private static func modified(_ information: stat) -> time_t {
    #if canImport(Darwin)
      information.st_mtimespec.tv_sec
    #else
      information.st_mtim.tv_sec
    #endif
  }
}
