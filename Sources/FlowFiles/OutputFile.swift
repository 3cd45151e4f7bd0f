import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One output of a transaction. It is written beside its place under another name, and locked until it
/// is complete.
///
/// The other name is the output's with `.flowir.partial` appended. The next run for the same output
/// therefore finds what a killed run left, and two runs at the same time notice each other.
public final class OutputFile {
  /// The path of the output as the caller gave it.
  public let path: String
  /// The path that the output really has, with symbolic links followed.
  let target: String
  /// The path that it is written under until it is complete.
  let partial: String
  /// How many bytes an earlier run left; 0 unless the output was opened to resume that run.
  let found: Int
  /// The earlier output, if there is one.
  let earlier: FileIdentity?
  /// The partial file itself.
  let identity: FileIdentity
  private(set) var descriptor: Int32
  private var buffer: [UInt8] = []
  /// Whether a later run can resume from what was written so far.
  var servesLater = false
  private(set) var hasFailed = false
  private var work: String?
  private static let bufferSize = 1 << 20

  /// Checks the place, then opens and locks the partial file.
  ///
  /// - Throws: `FileError.system` if the output can't be written, is an input, or another run is writing
  ///   it.
  init(
    _ path: String, inputs: Set<FileIdentity>, resume: Bool, isExecutable: Bool
  ) throws(FileError) {
    self.path = path
    let place = try OutputPlace(path, inputs: inputs)
    (target, partial, earlier) = (place.target, place.partial, place.identity)
    let lock = try OutputLock(
      place, inputs: inputs, resume: resume, mode: isExecutable ? 0o777 : 0o666)
    (descriptor, identity, found) = (lock.descriptor, lock.identity, lock.size)
    if let owner = place.owner { _ = fchown(descriptor, owner.user, owner.group) }
    if let mode = place.mode, fchmod(descriptor, mode) != 0 {
      let error = System.failure(path, "write")
      discard()
      throw error
    }
  }

  deinit { abandon() }

  /// Appends bytes.
  ///
  /// - Throws: `FileError.system`, for a full disk for instance.
  public func write(_ bytes: some Sequence<UInt8>) throws(FileError) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Appends numbers as they lie in memory.
  ///
  /// - Throws: `FileError.system`.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Passes what was written so far to the operating system.
  func flush() throws(FileError) {
    do throws(FileError) {
      try System.write(buffer, to: descriptor, path: path)
    } catch {
      hasFailed = true
      guard servesLater, case .system(_, let action, let reason) = error else { throw error }
      throw .system(
        path: path, action: action, reason: reason + "; what is done is kept for --resume")
    }
    buffer.removeAll(keepingCapacity: true)
  }

  /// Overwrites bytes near the start, which must have been written before.
  ///
  /// - Throws: `FileError.system`.
  func patch(_ bytes: [UInt8], at offset: Int) throws(FileError) {
    try flush()
    guard pwrite(descriptor, bytes, bytes.count, off_t(offset)) == bytes.count else {
      hasFailed = true
      throw System.failure(path, "write")
    }
  }

  /// Cuts the file to its first `size` bytes; writing continues after them.
  func truncate(to size: Int) throws(FileError) {
    buffer.removeAll()
    guard ftruncate(descriptor, off_t(size)) == 0,
      lseek(descriptor, off_t(size), SEEK_SET) == off_t(size)
    else { throw System.failure(path, "write") }
  }

  /// Reads bytes that an earlier run left.
  func read(_ count: Int, at offset: Int) throws(FileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var problem: FileError?
    var length = 0
    bytes.withUnsafeMutableBytes { memory in
      do throws(FileError) {
        length = try System.read(into: memory, from: descriptor, at: offset, path: path)
      } catch {
        problem = error
      }
    }
    if let problem { throw problem }
    return Array(bytes.prefix(length))
  }

  /// Syncs all bytes to the disk; the output is not in its place yet.
  func complete() throws(FileError) {
    try flush()
    do throws(FileError) {
      try System.synchronize(descriptor, path: path)
    } catch {
      hasFailed = true
      throw error
    }
  }

  /// Moves the file to its place. The lock is held until `finish`.
  func publish() throws(FileError) {
    guard rename(partial, target) == 0 else { throw System.failure(path, "write") }
    System.synchronize(folder: System.split(target).folder)
  }

  /// A new folder beside the output for intermediate files. It is removed when the output is in its place
  /// or given up; one that a killed run left is removed by the next run.
  ///
  /// The folder has a name of its own in each run, since the compiler that a killed run started may
  /// still be writing to the one before.
  ///
  /// - Throws: `FileError.system`.
  public func workFolder() throws(FileError) -> String {
    let (parent, start) = (System.split(target).folder, System.split(target).name + ".flowir.work-")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    for name in names where name.hasPrefix(start) { FolderRemoval.remove(parent + "/" + name) }
    let folder = parent + "/" + start + String(UInt64.random(in: 0...UInt64.max), radix: 16)
    guard mkdir(folder, 0o700) == 0 else { throw System.failure(folder, "write") }
    work = folder
    return folder
  }

  /// Releases the lock of a file that is in its place.
  func finish() {
    guard descriptor >= 0 else { return }
    if let work { FolderRemoval.remove(work) }
    close(descriptor)
    descriptor = -1
  }

  /// Gives the file up. If writing failed and a later run can resume from what was written, that is kept.
  func abandon() {
    if hasFailed, servesLater { finish() } else { discard() }
  }

  /// Gives the file up and removes what was written.
  public func discard() {
    guard descriptor >= 0 else { return }
    unlink(partial)
    finish()
  }
}
