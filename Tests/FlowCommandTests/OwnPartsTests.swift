import FlowFiles
import Foundation
import Testing

/// The example of a user's own transform, distribution and networks as a process.
@Suite struct OwnPartsTests {
  private func number(_ lines: [String], _ start: String) throws -> Double {
    let line = try #require(lines.first { $0.hasPrefix(start) }, "no line \(start)")
    return try #require(line.split(separator: " ").last.flatMap { Double($0) })
  }

  @Test(
    "a flow of a user's own parts trains, saves under its names, loads, samples, differentiates")
  func ownParts() throws {
    let path = NSTemporaryDirectory() + "own-\(UUID().uuidString).safetensors"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let lines = try runExample("OwnParts", [path, "3"])
    // Three epochs of 18,000 rows come within a few tenths of a nat; 2,000 held-out rows of deviation
    // 1.5 have an error of 0.03.
    let likelihood = try number(lines, "validation")
    let best = try number(lines, "of the simulator")
    #expect(likelihood > best - 0.3 && likelihood < best + 0.1)
    // float32 through four transforms whose slopes reach tens in the tails.
    #expect(try number(lines, "log p of samples") < 1e-3)
    #expect(try number(lines, "forward, then inverse") < 0.01)
    let gradient = try #require(lines.first { $0.hasPrefix("d log p") })
    let numbers = gradient.split { $0 == " " || $0 == "," }.compactMap { Double($0) }
    try #require(numbers.count == 2)
    #expect(abs(numbers[0] - numbers[1]) < 0.02 * max(1, abs(numbers[1])))

    let names = Set(try SafetensorsFile(path: path).names)
    for name in [
      "base.log_freedom", "transform.transforms.0.hyper.blocks.1.output.bias",
      "transform.transforms.1.log_scale", "transform.transforms.3.order",
    ] {
      #expect(names.contains(name))
    }
  }
}
