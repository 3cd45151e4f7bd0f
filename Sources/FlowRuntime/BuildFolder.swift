import FlowFiles
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
  ///
  /// - Parameter whenOpened: called with a folder's path when its lock is open but not yet taken, which
  ///   is when another run may remove the folder.
  init(in cache: String, whenOpened: (String) -> Void = { _ in }) throws(RuntimeError) {
    Self.clean(cache)
    for _ in 0..<100 {
      let path = "\(cache)/\(Self.start)\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
      guard mkdir(path, 0o700) == 0 else {
        throw .cacheFailed(path: path, reason: String(cString: strerror(errno)))
      }
      if let lock = try Self.locked(path, whenOpened) {
        (self.path, self.lock) = (path, lock)
        return
      }
    }
    throw .cacheFailed(path: cache, reason: "other runs keep removing the folder of this build")
  }

  /// Opens and takes the lock of a new folder; nil if another run took the folder for one that a killed
  /// run left, and removed it or is about to.
  private static func locked(
    _ path: String, _ whenOpened: (String) -> Void
  ) throws(RuntimeError) -> Int32? {
    let lock = open(path + "/" + lockName, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else {
      if errno == ENOENT { return nil }
      let reason = String(cString: strerror(errno))
      rmdir(path)
      throw .cacheFailed(path: path, reason: reason)
    }
    whenOpened(path)
    while flock(lock, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      if errno == EWOULDBLOCK {
        close(lock)
        return nil
      }
      // The file system has no locks: other runs can't take this one either, and remove nothing.
      break
    }
    // Where the other run has already finished removing the folder, the lock is that of no file.
    guard FileIdentity(path: path + "/" + lockName) == FileIdentity(descriptor: lock) else {
      close(lock)
      return nil
    }
    return lock
  }

  /// Removes the folder and all in it.
  func remove() {
    Self.remove(path)
    close(lock)
  }

  private static let lockName = "lock"

  /// Removes a folder, the lock last: if the run is killed on the way, the folder still has its lock or
  /// is empty, and the next build can tell that it is no longer in use.
  private static func remove(_ path: String) { FolderRemoval.remove(path, last: lockName) }

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
      let held = open(path + "/" + lockName, O_RDWR | O_CLOEXEC)
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
