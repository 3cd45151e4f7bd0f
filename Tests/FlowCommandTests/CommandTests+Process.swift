import FlowFiles
import FlowRuntime
import Foundation

extension CommandTests {
  /// What a process left.
  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  static let executable: URL = {
    // The executable lies beside the test bundle.
    var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    for _ in 0..<6 {
      let candidate = folder.appendingPathComponent("flowir")
      if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
      folder.deleteLastPathComponent()
    }
    return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent(".build/debug/flowir")
  }()

  func flowir(_ arguments: String..., input: String? = nil) throws -> Outcome {
    try flowir(arguments, input: input)
  }

  func flowir(_ arguments: [String], input: String? = nil) throws -> Outcome {
    let process = Process()
    process.executableURL = Self.executable
    process.arguments = arguments
    let (output, errors, source) = (Pipe(), Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = source
    let waitUntilEnded = try process.started()
    source.fileHandleForWriting.write(Data((input ?? "").utf8))
    try source.fileHandleForWriting.close()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    let problems = errors.fileHandleForReading.readDataToEndOfFile()
    waitUntilEnded()
    return Outcome(
      status: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
      errors: String(decoding: problems, as: UTF8.self))
  }

  /// Writes rows to a file and gives its path.
  static func write(_ rows: [[Float]], to path: String) throws -> String {
    let writer = try createRows(path, columns: rows[0].count)
    for row in rows { try writer.write(row) }
    try writer.finish()
    return path
  }
}
