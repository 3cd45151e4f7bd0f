import FlowRuntime
import Foundation
import Testing

/// C programs that load, call and leave a compiled flow in the ways that hosts do.
@Suite struct HostTests {
  private static let programs = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Hosts").path

  /// Runs a program; gives its status and what it printed. A crash is a status of 256 and more.
  private static func run(_ program: String, _ arguments: [String]) throws -> (
    status: Int32, output: String
  ) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    let waitUntilEnded = try process.started()
    let text = pipe.fileHandleForReading.readDataToEndOfFile()
    waitUntilEnded()
    let status = process.terminationStatus
    return (
      process.terminationReason == .exit ? status : 256 + status,
      String(decoding: text, as: UTF8.self)
    )
  }

  /// A compiled flow, and the program of a name built, in a folder that is removed at the end.
  private static func withHost(
    _ name: String, _ body: (_ program: String, _ library: String) throws -> Void
  ) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let library = folder + "/libmodel.so"
    let model = CompileCommandTests.fixtures + "/one-feature.safetensors"
    var result = try run(
      CommandTests.executable.path, ["compile", model, "--output", library])
    #expect(result.status == 0, "\(result.output)")
    result = try run(
      "/usr/bin/env",
      [
        "cc", "-std=gnu11", "-O1", "-pthread", "\(programs)/\(name).c", "-ldl", "-o",
        "\(folder)/\(name)",
      ])
    #expect(result.status == 0, "\(result.output)")
    try body("\(folder)/\(name)", library)
  }

  @Test(
    "a host has no more memory after 100 reloads, after 10,000 calls, and right results after a fork",
    arguments: ["reload", "calls", "fork", "first_calls"])
  func host(_ name: String) throws {
    try Self.withHost(name) { program, library in
      let result = try Self.run(program, [library])
      #expect(result.status == 0, "\(result.output)")
    }
  }
}
