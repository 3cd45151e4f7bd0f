#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The partial file of an output, open and locked by this process.
struct OutputLock {
  let descriptor: Int32
  let identity: FileIdentity
  /// The bytes of an earlier run that are there.
  let size: Int

  /// Opens the partial file. What a killed run left is kept with `resume` and removed without.
  init(
    _ place: OutputPlace, inputs: Set<FileIdentity>, resume: Bool, mode: mode_t
  ) throws(FileError) {
    // Another process may make, finish or remove the file in between; then this is tried again.
    for _ in 0..<100 {
      if let lock = try Self.attempt(place, inputs, resume: resume, mode) {
        self = lock
        return
      }
    }
    throw OutputPlace.refused(place.path, "other processes keep replacing \(place.partial)")
  }

  private init(descriptor: Int32, information: stat) {
    self.descriptor = descriptor
    identity = FileIdentity(information)
    size = Int(information.st_size)
  }

  private static func attempt(
    _ place: OutputPlace, _ inputs: Set<FileIdentity>, resume: Bool, _ mode: mode_t
  ) throws(FileError) -> OutputLock? {
    let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC
    var isNew = true
    var descriptor = open(place.partial, flags | O_EXCL, place.mode ?? mode)
    if descriptor < 0, errno == EEXIST {
      isNew = false
      descriptor = open(place.partial, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
      if descriptor < 0, errno == ENOENT { return nil }
    }
    guard descriptor >= 0 else { throw System.failure(place.path, "write") }
    do throws(FileError) {
      guard let lock = try locked(descriptor, place, inputs) else {
        close(descriptor)
        return nil
      }
      var information = stat()
      let isOurs = fstat(descriptor, &information) == 0 && information.st_uid == geteuid()
      if isNew || (resume && isOurs) { return lock }
    } catch {
      close(descriptor)
      throw error
    }
    // A killed run left this file; the next turn makes a new one.
    defer { close(descriptor) }
    if unlink(place.partial) != 0, errno != ENOENT { throw System.failure(place.path, "write") }
    return nil
  }

  /// Locks a file; nil if the name has come to stand for another file in the meantime.
  private static func locked(
    _ descriptor: Int32, _ place: OutputPlace, _ inputs: Set<FileIdentity>
  ) throws(FileError) -> OutputLock? {
    var information = stat()
    guard fstat(descriptor, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      throw OutputPlace.refused(place.path, "\(place.partial) is not a file; remove it")
    }
    let lock = OutputLock(descriptor: descriptor, information: information)
    guard !inputs.contains(lock.identity) else {
      throw OutputPlace.refused(place.path, "its partial file \(place.partial) is an input")
    }
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      if errno == EWOULDBLOCK {
        throw OutputPlace.refused(
          place.path,
          "\(holder(lock.identity)) is writing it; wait until that ends, or name another file")
      }
      // The file system has no locks, so other runs can't be noticed.
      break
    }
    guard FileIdentity(path: place.partial) == lock.identity else { return nil }
    return lock
  }

  /// The process that holds the lock of a file, if the system tells.
  private static func holder(_ identity: FileIdentity) -> String {
    guard let source = try? ByteSource("/proc/locks"), let bytes = try? source.read(1 << 20) else {
      return "another process"
    }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      // 1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF
      let words = line.split(separator: " ")
      guard words.count > 5, words[1] == "FLOCK",
        words[5].split(separator: ":").last.map(String.init) == "\(identity.number)",
        let process = Int(words[4]), process > 0
      else { continue }
      return process == Int(getpid()) ? "this process" : "process \(process)"
    }
    return "another process"
  }
}
