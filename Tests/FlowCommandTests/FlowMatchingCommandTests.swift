import FlowFiles
import Foundation
import Testing

/// `flowir train --objective flow-matching`.
@Suite struct FlowMatchingCommandTests {
  private func workshop() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let writer = try createRows(folder + "/x.npy", columns: 2)
    let x = (0..<1000).map { (number: Int) -> Float in
      let wave: Float = sin(Float(number) * 0.7)
      return wave + 0.2 * sin(Float(number * number))
    }
    try writer.write(x)
    try writer.finish()
    return folder
  }

  private func train(_ folder: String, _ words: String...) throws -> CommandTests.Outcome {
    try CommandTests().flowir(
      [
        "train", "--data", folder + "/x.npy", "--output", folder + "/m.safetensors",
        "--objective", "flow-matching", "--epochs", "3",
      ] + words)
  }

  @Test(
    "the summary names matching losses and log-likelihoods with their rows, and the log has losses")
  func summary() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let text = try train(folder, "--flow", "CNF", "--log", folder + "/log.jsonl", "--progress")
    #expect(text.status == 0, "\(text.errors)")
    let lines = text.output.split(separator: "\n").map(String.init)
    #expect(lines.count == 5)
    #expect(lines[1].hasPrefix("train matching loss       ") && !lines[1].contains("nats"))
    #expect(lines[2].hasPrefix("validation matching loss  "))
    #expect(lines[3].hasSuffix("nats (of 450 of 450 rows)"))
    #expect(lines[4].hasSuffix("nats (of 50 of 50 rows)"))
    #expect(text.errors.contains("matching loss: train ") && !text.errors.contains("nats"))
    let log = try String(contentsOfFile: folder + "/log.jsonl", encoding: .utf8)
    let record = try JSONValue.parse(#require(log.split(separator: "\n").last).utf8)
    #expect(record["train_log_likelihood"] == .null)
    guard case .number(let loss)? = record["train_matching_loss"] else {
      Issue.record("\(record.text)")
      return
    }
    #expect(loss > 0)
    let plot = try CommandTests().flowir(
      "plot", folder + "/log.jsonl", "--output", folder + "/log.svg")
    #expect(plot.status == 0, "\(plot.errors)")
    let picture = try String(contentsOfFile: folder + "/log.svg", encoding: .utf8)
    #expect(picture.contains("mean loss of flow matching"))

    let json = try train(folder, "--flow", "CNF", "--json")
    let summary = try JSONValue.parse(json.output.utf8)
    #expect(summary["train_rows_scored"] == .integer(450))
    #expect(summary["validation_rows_scored"] == .integer(50))
    for key in ["train_matching_loss", "validation_matching_loss", "validation_log_likelihood"] {
      guard case .number? = summary[key] else {
        Issue.record("\(key): \(summary.text)")
        continue
      }
    }
  }

  @Test("a flow that is not continuous, or has a base to be trained, is refused in one line")
  func refused() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (words, message) in [
      (["--flow", "NSF"], "does not end in a continuous transform, expected CNF"),
      (["--flow", "CNF", "--base", "student-t"], "does not train 'base.log_df'"),
    ] {
      let result = try CommandTests().flowir(
        [
          "train", "--data", folder + "/x.npy", "--output", folder + "/m.safetensors",
          "--objective", "flow-matching",
        ] + words)
      #expect(result.status == 1 && result.errors.contains(message), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1)
      #expect(!FileManager.default.fileExists(atPath: folder + "/m.safetensors"))
    }
  }
}
