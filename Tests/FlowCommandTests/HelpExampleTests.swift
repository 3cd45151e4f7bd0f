import FlowFiles
import Flows
import Foundation
import Testing

/// The examples in the help texts, run as they stand.
@Suite struct HelpExampleTests {
  private let workshop = HostileCommandTests()

  @Test("each command's help has an example, and it runs")
  func examples() throws {
    try workshop.inWorkshop { folder in
      try prepare(folder)
      let list = try lines("flowir --help", in: folder).drop { $0 != "SUBCOMMANDS:" }
      let commands = list.dropFirst().prefix { !$0.isEmpty }
        .filter { $0.hasPrefix("  ") && !$0.hasPrefix("   ") }
        .compactMap { $0.split(separator: " ").first.map(String.init) }
      #expect(commands.contains("train") && commands.contains("bench"))
      // Training and compiling come first, since others read what they write.
      let order = ["train", "compile"] + commands.filter { $0 != "train" && $0 != "compile" }
      for command in order {
        let examples = try self.examples(of: command, in: folder)
        #expect(!examples.isEmpty, "\(command)")
        for example in examples {
          let result = try workshop.shell(example, in: folder)
          // A flow of one epoch may well be unhealthy, which check and only check says by its status.
          let allowed: [Int32] = command == "check" ? [0, 1] : [0]
          #expect(allowed.contains(result.status), "\(example): \(result.errors)")
          #expect(!result.errors.contains("Usage:"), "\(example): \(result.errors)")
        }
      }
    }
  }

  /// The files that the examples name and none of them writes.
  private func prepare(_ folder: String) throws {
    let x = try createRows(folder + "/x.npy", columns: 5)
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<200 { try x.write((0..<5).map { _ in Float(generator.normal()) }) }
    try x.finish()
    let text = #"{"type": "NSF", "features": 5, "transforms": 1, "hidden_features": [8]}"#
    for (name, seed) in [("a", 1), ("b", 2)] as [(String, UInt64)] {
      try Model(FlowDescription(text: text), seed: seed).save(to: "\(folder)/\(name).safetensors")
    }
    let function = """
      flowir 1
      func @f(input %x : rows x 5 x f32) {
        %y = exp %x : rows x 5 x f32
        return y = %y
      }

      """
    for name in ["f", "function"] {
      try function.write(toFile: "\(folder)/\(name).flowir", atomically: true, encoding: .utf8)
    }
  }

  private func lines(_ command: String, in folder: String) throws -> [String] {
    try workshop.shell(command, in: folder).output.split(
      separator: "\n", omittingEmptySubsequences: false
    ).map(String.init)
  }

  /// The examples of a command's help, each joined to one line again.
  private func examples(of command: String, in folder: String) throws -> [String] {
    var found: [String] = []
    var isInside = false
    for line in try lines("flowir help \(command)", in: folder) {
      if line.hasPrefix("EXAMPLE: ") {
        found.append(String(line.dropFirst("EXAMPLE: ".count)))
        isInside = true
      } else if line.isEmpty {
        isInside = false
      } else if isInside {
        found[found.count - 1] += " " + line
      }
    }
    return found
  }
}
