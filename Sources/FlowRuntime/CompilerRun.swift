import Foundation

/// A compiler that is running.
struct CompilerRun {
  private let process = Process()
  private let pipe = Pipe()
  private let command: String
  private let waitUntilEnded: () -> Void

  /// Starts a compiler.
  init(_ compiler: CompilerCommand, _ arguments: [String]) throws(RuntimeError) {
    process.executableURL = URL(fileURLWithPath: compiler.path)
    process.arguments = compiler.arguments + arguments
    process.standardError = pipe
    process.standardOutput = pipe
    command = ([compiler.path] + compiler.arguments + arguments).joined(separator: " ")
    do {
      waitUntilEnded = try process.started()
    } catch {
      throw .compilerFailed(command: command, output: error.localizedDescription)
    }
  }

  /// Waits until it ends.
  ///
  /// - Throws: `RuntimeError.compilerFailed` with what it printed, if it fails.
  func finish() throws(RuntimeError) {
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    waitUntilEnded()
    guard process.terminationStatus != 0 else { return }
    let text = String(decoding: output.prefix(4000), as: UTF8.self)
    throw .compilerFailed(
      command: command,
      output: text.isEmpty
        ? "it ended with \(process.terminationReason == .exit ? "status" : "signal") "
          + "\(process.terminationStatus) and no message" : text)
  }
}
