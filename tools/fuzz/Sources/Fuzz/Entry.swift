import CFuzz
import Foundation

/// What every input is held to.
private enum Limits {
  /// Bytes of memory beside those that the file justifies.
  static let memory = 64 << 20
  /// Bytes of memory for each byte of the file.
  static let memoryPerByte = 8
}

/// The format under test, from `FLOWIR_FUZZ_FORMAT`, and the file that its inputs go through.
private struct Session {
  let format: Format
  let file: Int32
  let path: String

  init() {
    let name = ProcessInfo.processInfo.environment["FLOWIR_FUZZ_FORMAT"] ?? ""
    guard let format = Format(rawValue: name) else {
      let known = Format.allCases.map(\.rawValue).joined(separator: ", ")
      Self.stop("FLOWIR_FUZZ_FORMAT is '\(name)', expected one of \(known)")
    }
    guard cfuzz_watch_memory() != 0 else {
      Self.stop("build with --sanitize address too, which memory is counted with")
    }
    self.format = format
    file = cfuzz_file()
    guard file >= 0 else { Self.stop("no file in memory can be made") }
    // Readers choose by the ending of a name. The link means the same to every process.
    path = FileManager.default.temporaryDirectory.path + "/flowir-fuzz-\(file).\(name)"
    symlink("/proc/self/fd/\(file)", path)
  }

  private static func stop(_ message: String) -> Never {
    FileHandle.standardError.write(Data("fuzz: \(message)\n".utf8))
    exit(2)
  }
}

private let session = Session()

/// Reads one input; called by libFuzzer, which watches the time.
@_cdecl("LLVMFuzzerTestOneInput")
public func readOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = Array(UnsafeBufferPointer(start: bytes, count: count))
  guard cfuzz_fill(session.file, bytes, Int64(count)) == 0 else { return -1 }
  cfuzz_begin(Int64(Limits.memory + Limits.memoryPerByte * count))
  session.format.read(input, path: session.path)
  _ = cfuzz_end()
  return 0
}
