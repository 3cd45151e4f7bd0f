import FlowFiles
import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

@Suite struct TrainingTests {
  private func data(_ rows: Int) -> [Float] {
    var generator = SeededGenerator(seed: 4)
    return (0..<rows).flatMap { _ -> [Float] in
      let a = Float(generator.uniform()) * 2 - 1
      return [a, a * a + Float(generator.uniform()) * 0.2]
    }
  }

  @Test("the step is Adam's: first steps move each parameter by the learning rate")
  func adam() throws {
    let scope = ModuleScope.root()
    let weight = scope.parameter("w", [3], initializer: .values([1, -2, 0.5]))
    let loss = trace([.rows("x", 3)], parametersAreInputs: true) { inputs in
      [("loss", square(inputs[0] - weight.tensor).mean())]
    }
    var optimizer = AdamW()
    optimizer.weightDecay = 0.1
    let trainer = try Trainer(
      loss: loss, parameters: scope.registry.parameters,
      values: initialValues(of: scope.registry.parameters, seed: 0), optimizer: optimizer)
    let x: [Float] = [0, 0, 0, 1, 1, 1]
    // The same in plain arithmetic, for three steps.
    var w = [1.0, -2, 0.5]
    var (m, v) = ([0.0, 0, 0], [0.0, 0, 0])
    for step in 1...3 {
      let found = try trainer.step(["x": x], rows: 2, learningRate: 0.01)
      var expected = 0.0
      for i in 0..<3 {
        expected += (w[i] * w[i] + (1 - w[i]) * (1 - w[i])) / 6
        let g = (2 * w[i] - 2 * (1 - w[i])) / 6
        m[i] = 0.9 * m[i] + 0.1 * g
        v[i] = 0.999 * v[i] + 0.001 * g * g
        w[i] -= 0.01 * 0.1 * w[i]
        w[i] -=
          0.01 * (m[i] / (1 - pow(0.9, Double(step))))
          / ((v[i] / (1 - pow(0.999, Double(step)))).squareRoot() + 1e-8)
      }
      #expect(abs(Double(found) - expected) < 1e-5)
      for (a, b) in zip(trainer.values["w"]?.doubles ?? [], w) { #expect(abs(a - b) < 2e-6) }
    }
  }

  @Test("moments decay to zero, not to numbers that are slow to compute with")
  func smallMoments() throws {
    let scope = ModuleScope.root()
    let weight = scope.parameter("w", [3], initializer: .values([1, -2, 0.5]))
    let loss = trace([.rows("x", 3)], parametersAreInputs: true) { inputs in
      [("loss", (inputs[0] * weight.tensor).mean())]
    }
    let trainer = try Trainer(
      loss: loss, parameters: scope.registry.parameters,
      values: initialValues(of: scope.registry.parameters, seed: 0))
    let least = Float.leastNormalMagnitude
    trainer.restore(
      ["m.w": [least, 2 * least, -least], "v.w": [least, 2 * least, 1e-45]], steps: 1)
    try trainer.step(["x": [0, 0, 0]], rows: 1, learningRate: 0.01)
    #expect(trainer.state["m.w"] == [0, 0.9 * 2 * least, 0])
    #expect(trainer.state["v.w"] == [0, 0.999 * 2 * least, 0])
    #expect(trainer.state["w"] == [1, -2, 0.5])
    // The square of this gradient is none of the normal numbers.
    try trainer.step(["x": [3e-20, 0, 0]], rows: 1, learningRate: 0.01)
    #expect(trainer.state["v.w"]?[0] == 0)
  }

  @Test("gradients beyond the norm are scaled down to it")
  func clipping() throws {
    let scope = ModuleScope.root()
    let weight = scope.parameter("w", [2], initializer: .values([30, 40]))
    let loss = trace([.rows("x", 2)], parametersAreInputs: true) { inputs in
      [("loss", square(inputs[0] - weight.tensor).sum())]
    }
    var optimizer = AdamW()
    optimizer.clipNorm = 1
    let trainer = try Trainer(
      loss: loss, parameters: scope.registry.parameters,
      values: initialValues(of: scope.registry.parameters, seed: 0), optimizer: optimizer)
    try trainer.step(["x": [0, 0]], rows: 1, learningRate: 1e-3)
    // The gradient (60, 80) becomes (0.6, 0.8); the first moment is a tenth of it.
    let m = try #require(trainer.state["m.w"])
    #expect(abs(m[0] - 0.06) < 1e-6 && abs(m[1] - 0.08) < 1e-6)
  }

  @Test("fitting improves the likelihood, is repeatable, and can be interrupted")
  func fit() throws {
    let rows = data(2000)
    let description = try FlowDescription(
      text: #"{"type": "MAF", "features": 2, "hidden_features": [16]}"#)
    var options = TrainingOptions()
    options.epochs = 4
    options.batchSize = 100
    options.seed = 3
    var whole = try Model(description, seed: 1)
    var checkpoints: [TrainingCheckpoint] = []
    let report = try whole.fit(rows, options: options, checkpoint: { checkpoints.append($0) })
    let score = try compile(whole.trace(.logProb).optimized(), Model(description, seed: 1))
    let before = try #require(
      score(["x": HostArray(rows, shape: [2000, 2])], rows: 2000)["log_prob"]?.doubles)
    let start = before.reduce(0, +) / 2000
    #expect(report.trainLogLikelihood > start + 0.5)
    #expect(report.validationLogLikelihood != nil)

    options.threads = 1
    var resumed = try Model(description, seed: 1)
    let path = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try checkpoints[1].save(to: path)
    _ = try resumed.fit(rows, options: options, resume: TrainingCheckpoint(path: path))
    #expect(resumed.values == whole.values, "the same bits, at another number of threads")
  }

  @Test("data that does not fit is an error")
  func errors() throws {
    var model = try Model(FlowDescription(text: #"{"type": "MAF", "features": 2}"#))
    #expect(throws: FlowError.self) { try model.fit([1, 2, 3]) }
    #expect(throws: FlowError.self) { try model.fit([1, 2, 3, 4], context: [1]) }
  }

  @Test("the progress line shows epoch, loss, validation, speed and time left")
  func progress() {
    let progress = TrainingProgress(
      epoch: 2, epochs: 10, batch: 50, batches: 100, loss: 1.25, validation: -1.5,
      rowsPerSecond: 200_000, rowsPerBatch: 512)
    #expect(
      ProgressLine.text(progress)
        == "epoch 2/10 ██████████░░░░░░░░░░ train -1.250  validation -1.500 nats  200 k rows/s  2 s left"
    )
  }
}
