import FlowRuntime
import Foundation
import Testing

/// Runs an example as a process that must succeed; gives the lines that it prints.
func runExample(_ name: String, _ arguments: [String] = []) throws -> [String] {
  let process = Process()
  process.executableURL = CommandTests.executable.deletingLastPathComponent()
    .appendingPathComponent(name)
  process.arguments = arguments
  let output = Pipe()
  process.standardOutput = output
  let waitUntilEnded = try process.started()
  let text = String(
    decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  waitUntilEnded()
  #expect(process.terminationStatus == 0)
  return text.split(separator: "\n").map(String.init)
}
