#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files that a command writes: checked and locked before work begins, in their places together
/// at the end.
///
/// An output appears whole or not at all; an earlier file keeps its permissions and links, and stays
/// as it was if anything fails. What is never committed is removed.
public final class Outputs {
  private let inputs: Set<FileIdentity>
  private var files: [OutputFile] = []

  /// Begins a transaction of a command that reads `inputs`, none of which may be an output too.
  public init(inputs: [String] = []) {
    self.inputs = Set(inputs.compactMap { FileIdentity(path: $0) })
  }

  /// Checks, opens and locks an output; with `resume` it may hold what an earlier run wrote.
  ///
  /// - Throws: `FileError.system` if the output can't be written, is an input or another output, or
  ///   is in work elsewhere.
  public func open(
    _ path: String, resume: Bool = false, isExecutable: Bool = false
  ) throws(FileError) -> OutputFile {
    let place = try OutputPlace(path, inputs: inputs)
    for other in files
    where other.target == place.target || (other.earlier != nil && other.earlier == place.identity)
      || FileIdentity(path: place.partial) == other.identity
    {
      throw OutputPlace.refused(
        path, "it is the same file as the output \(other.path); name two files")
    }
    let file = try OutputFile(
      path, inputs: inputs, resume: resume, isExecutable: isExecutable)
    files.append(file)
    return file
  }

  /// Makes sure that a file could be written, without opening it: one that the command writes on its
  /// way.
  ///
  /// - Throws: `FileError.system` if it can't be written, or is an input.
  public func check(_ path: String) throws(FileError) { _ = try OutputPlace(path, inputs: inputs) }

  /// Puts all files in their places.
  ///
  /// - Throws: `FileError.system`; then every earlier file is as it was.
  public func commit() throws(FileError) {
    for file in files { try file.complete() }
    // With one output a rename is the whole of it; with more, what is there is kept until all are.
    var kept: [(file: OutputFile, backup: String)] = []
    var done = 0
    do throws(FileError) {
      for file in files {
        if files.count > 1, file.earlier != nil {
          let backup = file.target + ".flowir.earlier"
          unlink(backup)
          if link(file.target, backup) == 0 { kept.append((file, backup)) }
        }
        try file.publish()
        done += 1
      }
    } catch {
      for file in files.prefix(done) {
        if let old = kept.first(where: { $0.file === file }) {
          rename(old.backup, file.target)
        } else if file.earlier == nil {
          unlink(file.target)
        }
        file.finish()
      }
      for old in kept { unlink(old.backup) }
      abandon()
      throw error
    }
    for old in kept { unlink(old.backup) }
    for file in files { file.finish() }
    files = []
  }

  /// Gives all files up, but keeps what serves a later run if it was the disk that failed.
  public func abandon() {
    for file in files { file.abandon() }
    files = []
  }

  /// Gives all files up, what earlier runs wrote included.
  public func discard() {
    for file in files { file.discard() }
    files = []
  }
}

extension Outputs {
  /// Writes one file whole or not at all.
  ///
  /// - Throws: `FileError.system`.
  public static func write(_ bytes: some Sequence<UInt8>, to path: String) throws(FileError) {
    let outputs = Outputs()
    try outputs.open(path).write(bytes)
    try outputs.commit()
  }
  /// Writes a file that only this run reads and removes again, such as what it gives a compiler: in its place at once,
  /// for this user, and not brought to the disk.
  ///
  /// - Throws: `FileError.system`.
  public static func writeIntermediate(_ bytes: [UInt8], to path: String) throws(FileError) {
    #if canImport(Glibc)
      let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    #else
      let descriptor = Darwin.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    #endif
    guard descriptor >= 0 else { throw System.failure(path, "write") }
    do throws(FileError) {
      try System.write(bytes, to: descriptor, path: path)
    } catch {
      close(descriptor)
      throw error
    }
    // A disk over the network may say only now that it is full.
    guard close(descriptor) == 0 else { throw System.failure(path, "write") }
  }
}
