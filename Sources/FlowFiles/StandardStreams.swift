#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The process's standard output and error, whole or with an error.
public enum StandardStreams {
  /// Makes failures of writing errors instead of the end of the process.
  ///
  /// A stream that the caller closed is taken by a descriptor that can't be used, so that no file that
  /// is opened later gets its number and text meant for it. Signals for closed pipes and for files
  /// over the limit (`ulimit -f`) are ignored; writing then fails with a reason.
  public static func prepare() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 && errno == EBADF {
      // Open gives the lowest free number, which is this one.
      _ = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY)
    }
  }

  /// Makes sure that files may have the size that a process needs for itself: the OpenMP runtime ends
  /// in a bus error where it can't keep 1024 bytes.
  ///
  /// - Throws: `FileError.system`.
  public static func checkLimits() throws(FileError) {
    let limit = System.limit(RLIMIT_FSIZE)
    guard limit < 1024 else { return }
    throw .system(
      path: "files", action: "write",
      reason: "their size is limited to \(limit) bytes (ulimit -f); "
        + "raise it to 1 KiB or more")
  }

  /// Writes text to standard output.
  ///
  /// - Throws: `FileError.system` if it is closed, or its disk is full.
  public static func output(_ text: String) throws(FileError) {
    try output(Array(text.utf8))
  }

  /// Writes bytes to standard output.
  ///
  /// - Throws: `FileError.system` if it is closed, or its disk is full.
  public static func output(_ bytes: [UInt8]) throws(FileError) {
    try System.write(bytes, to: 1, path: "standard output")
  }

  /// Writes text to standard error, as far as it is taken: there is no other place to complain.
  public static func error(_ text: String) {
    try? System.write(Array(text.utf8), to: 2, path: "standard error")
  }
}
