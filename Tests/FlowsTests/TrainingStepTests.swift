import FlowCodegen
import FlowFiles
import Flows
import Testing

/// Steps of training.
@Suite struct TrainingStepTests {
  @Test("steps have the same bits at any number of threads", arguments: [300, 64])
  func threads(rows: Int) throws {
    let description = try FlowDescription(
      text: #"{"type": "MAF", "features": 5, "transforms": 2, "hidden_features": [48, 40]}"#)
    var generator = SeededGenerator(seed: 3)
    let x = (0..<5 * rows).map { _ in Float(generator.uniform() * 4 - 2) }
    func trained(threads: Int) throws -> [String: [Float]] {
      let trainer = try Model(description, seed: 1).trainer(batch: rows)
      for _ in 0..<4 {
        try trainer.step(["x": x], rows: rows, learningRate: 1e-2, threads: threads)
      }
      return trainer.state
    }
    let wanted = try trained(threads: 1)
    // Weights that are shared out, and the moments beside them, have moved.
    #expect(wanted.values.contains { $0.count > 1000 })
    #expect(wanted.values.allSatisfy { $0.contains { $0 != 0 } && $0.allSatisfy(\.isFinite) })
    for threads in [2, 3, 5] { #expect(try trained(threads: threads) == wanted) }
  }

  @Test("steps said to have few rows do what others do, with any number of rows")
  func smallBatches() throws {
    let description = try FlowDescription(
      text: #"{"type": "NSF", "features": 3, "transforms": 2, "hidden_features": [16, 16]}"#)
    var generator = SeededGenerator(seed: 4)
    let x = (0..<3 * 300).map { _ in Float(generator.uniform() * 4 - 2) }
    func losses(batch: Int?) throws -> [Float] {
      let trainer = try Model(description, seed: 1).trainer(batch: batch)
      return try [64, 1, 40, 300].map {
        try trainer.step(["x": x], rows: $0, learningRate: 1e-3)
      }
    }
    for (few, any) in zip(try losses(batch: 64), try losses(batch: nil)) {
      #expect(abs(few - any) < 1e-4 * (1 + abs(any)))
    }
  }

  @Test(
    "a step evaluates the flow once: the loss and its gradient share a loop over rows",
    arguments: ["MAF", "NSF", "NICE", "GF", "SOSPF", "BPF", "NAF", "UNAF", "CNF"])
  func onePass(type: String) throws {
    let description = try FlowDescription(
      text: #"{"type": "\#(type)", "features": 3, "context": 2}"#)
    let step = try Model(description, seed: 1).trainingStepFunction().function
    let lines = try TileProgram(lowering: step).text.split(separator: "\n")
    #expect(lines.count { $0.hasPrefix("  rows ") } == 1)
  }
}
