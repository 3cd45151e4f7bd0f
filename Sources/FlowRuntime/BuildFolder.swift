import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder in the cache for one build, locked while the build lasts. A folder that nobody holds the
/// lock of was left by a killed run, and the next build removes it.
struct BuildFolder {
  let path: String
  private let lock: Int32
  private static let start = "build-"

  /// Makes a folder, after removing those of killed runs.
  init(in cache: String) throws(RuntimeError) {
    Self.clean(cache)
    // Before it has its lock, another run may take the folder for one that a killed run left and remove
    // it; then the next name is tried.
    for _ in 0..<100 {
      let path = "\(cache)/\(Self.start)\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
      guard mkdir(path, 0o700) == 0 else {
        throw .cacheFailed(path: path, reason: String(cString: strerror(errno)))
      }
      let lock = open(path + Self.lockName, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      if lock >= 0 {
        _ = flock(lock, LOCK_EX | LOCK_NB)
        (self.path, self.lock) = (path, lock)
        return
      }
      guard errno == ENOENT else {
        let reason = String(cString: strerror(errno))
        rmdir(path)
        throw .cacheFailed(path: path, reason: reason)
      }
    }
    throw .cacheFailed(path: cache, reason: "other runs keep removing the folder of this build")
  }

  /// Removes the folder and all in it.
  func remove() {
    Self.remove(path)
    close(lock)
  }

  private static let lockName = "/lock"

  /// Removes a folder, the lock last: if the run is killed on the way, the folder still has its lock or
  /// is empty, and the next build can tell that it is no longer in use.
  ///
  /// It gets another name first, so that a compiler that outlived its run can't write to it any more.
  private static func remove(_ original: String) {
    let renamed = original + ".removed"
    let path = rename(original, renamed) == 0 ? renamed : original
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    for name in names where "/" + name != lockName {
      try? FileManager.default.removeItem(atPath: path + "/" + name)
    }
    unlink(path + lockName)
    rmdir(path)
  }

  /// Removes what killed runs left: folders whose lock nobody holds, empty folders without one, and
  /// files that are not objects, as older versions wrote them.
  private static func clean(_ cache: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: cache)) ?? []
    for name in names where !name.hasSuffix(".so") {
      let path = cache + "/" + name
      var information = stat()
      guard lstat(path, &information) == 0, information.st_uid == getuid() else { continue }
      let age = Int(time(nil)) - Int(modified(information))
      guard information.st_mode & S_IFMT == S_IFDIR else {
        if age > 3600 { unlink(path) }
        continue
      }
      guard name.hasPrefix(start) else { continue }
      let held = open(path + lockName, O_RDWR | O_CLOEXEC)
      if held >= 0 {
        defer { close(held) }
        if flock(held, LOCK_EX | LOCK_NB) == 0 { remove(path) }
      } else if rmdir(path) != 0, age > 60 {
        remove(path)
      }
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
