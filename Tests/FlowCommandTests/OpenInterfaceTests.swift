import FlowRuntime
import Foundation
import Testing

/// The library's own parts as a user's: their source is compiled as another module that imports `Flows`.
@Suite struct OpenInterfaceTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// What the copies take from the library's internals: the elementary functions of numbers.
  private static let numbers = """
    import Foundation
    func logOf(_ x: Double) -> Double { Foundation.log(x) }
    func expOf(_ x: Double) -> Double { Foundation.exp(x) }
    """

  /// The errors of compiling files of `Sources/Flows` outside.
  private func errors(of files: [String]) throws -> String {
    let folder = NSTemporaryDirectory() + "open-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Self.numbers.write(toFile: folder + "/numbers.swift", atomically: true, encoding: .utf8)
    for file in files {
      let source = Self.root.appendingPathComponent("Sources/Flows/" + file)
      let text = try String(contentsOf: source, encoding: .utf8)
      let name = file.replacingOccurrences(of: "/", with: "-")
      try ("import Flows\n" + text).write(
        toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }
    let built = CommandTests.executable.deletingLastPathComponent().path
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["swiftc", "-typecheck", "-swift-version", "6", "-module-name", "Own"]
      + ["-I", built + "/Modules", "-Xcc", "-I\(Self.root.path)/Sources/CFlowKernels/include"]
      + ["-Xcc", "-fmodule-map-file=\(built)/CFlowKernels.build/module.modulemap"]
      + (try FileManager.default.contentsOfDirectory(atPath: folder).map { "\(folder)/\($0)" })
    let output = Pipe()
    process.standardError = output
    process.standardOutput = output
    let waitUntilEnded = try process.started()
    let text = String(
      decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    waitUntilEnded()
    return process.terminationStatus == 0 ? "" : text
  }

  private func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(
      atPath: Self.root.appendingPathComponent("Sources/Flows/" + folder).path
    ).filter { $0.hasSuffix(".swift") && $0 != "Activation.swift" }.map { folder + "/" + $0 }
  }

  @Test("transforms, distributions and layers are written with the public interface alone")
  func values() throws {
    let own = try files("Transforms") + files("Distributions") + files("Layers")
    #expect(own.count > 20)
    #expect(try errors(of: own) == "")
  }

  @Test("lazy transforms and Bayesian models are written with the public interface alone")
  func modules() throws {
    let names = ["Coupling", "MaskedAutoregressive", "Continuous", "Bayesian"]
    #expect(try errors(of: names.map { "Lazy/\($0).swift" }) == "")
  }

  @Test("what is not public is not found outside")
  func closed() throws {
    #expect(try errors(of: ["Lazy/HyperNetwork+Own.swift"]).contains("protection level"))
  }
}
