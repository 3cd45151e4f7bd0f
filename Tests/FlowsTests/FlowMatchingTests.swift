import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Flow matching: the loss, its gradient, and what a fit by it comes to.
@Suite struct FlowMatchingTests {
  private static func normal(_ count: Int, seed: UInt64 = 0) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in generator.normal() }
  }

  /// The velocity that takes a normal distribution of deviation σ to the standard one along straight paths:
  /// the mean of z - x over the paths through a place y at a share s, which is linear in y.
  private static func best(_ share: Tensor, _ y: Tensor, deviation: Double) -> Tensor {
    let variance = deviation * deviation
    let slope =
      (share - (1 - share) * variance) / (square(1 - share) * variance + square(share))
    return slope.reshaped([1]) * y
  }

  @Test("the loss is the squared error of the velocity on a straight path, in any units of time")
  func closedForm() throws {
    let matrix = [0.5, -1, 2, 0.25]
    func compiled(_ times: (Double, Double)) throws -> CompiledClosure<
      [Double], Rows<Double>, Rows<Double>, Rows<Double>
    > {
      try compile(.rows("x", 2), .rows("z", 2), .rows("s", 1), as: Double.self) { x, z, s in
        let trace = x.trace
        let transform = FreeFormJacobianTransform(
          from: trace.constant(times.0), to: trace.constant(times.1)
        ) { t, place in
          place.linear(trace.constant(matrix, shape: [2, 2])) + t.reshaped([1])
        }
        return transform.matchingLoss(x, to: z, at: s.reshaped([]))
      }
    }
    let (x, z, s) = (Self.normal(10, seed: 1), Self.normal(10, seed: 2), [0, 0.1, 0.4, 0.7, 1])
    for times in [(0.0, 1.0), (1.0, 0.0), (-1.0, 3.0)] {
      let found = try compiled(times)(
        Rows(x, columns: 2), Rows(z, columns: 2), Rows(s, columns: 1))
      let duration = times.1 - times.0
      for row in 0..<5 {
        let place = (0..<2).map { (1 - s[row]) * x[2 * row + $0] + s[row] * z[2 * row + $0] }
        var wanted = 0.0
        for i in 0..<2 {
          let derivative =
            matrix[2 * i] * place[0] + matrix[2 * i + 1] * place[1] + times.0 + s[row] * duration
          wanted += pow(derivative * duration - (z[2 * row + i] - x[2 * row + i]), 2)
        }
        #expect(abs(found[row] - wanted) < 1e-12 * (1 + wanted), "\(times)")
      }
    }
  }

  @Test("for normal data the best velocity has the loss of theory, and solves to the base")
  func normalData() throws {
    let deviation = 2.5
    // What is left is the variance of z - x where y is known, averaged over the shares.
    let theory = (0..<4000).reduce(0.0) { sum, index in
      let s = (Double(index) + 0.5) / 4000
      let variance = deviation * deviation
      let (covariance, place) = (
        s - (1 - s) * variance, (1 - s) * (1 - s) * variance + s * s
      )
      return sum + (1 + variance - covariance * covariance / place) / 4000
    }
    func flow(_ trace: Trace, scaled factor: Double = 1) -> NormalizingFlow {
      let (zero, one) = (trace.constant(0, shape: [1]), trace.constant(1, shape: [1]))
      return NormalizingFlow(
        transform: ComposedTransform([
          FreeFormJacobianTransform(
            from: trace.constant(0), to: trace.constant(1),
            control: ODEControl(atol: 1e-10, rtol: 1e-10)
          ) { t, y in Self.best(t, y, deviation: deviation) * factor }
        ]), base: DiagNormal(loc: zero, scale: one))
    }
    let rows = 400_000
    let x = Rows(Self.normal(rows, seed: 3).map { $0 * deviation }, columns: 1)
    func loss(_ factor: Double) throws -> Double {
      let closure = try compile(.rows("x", 1), .seed(), as: Double.self) { x, seed in
        try flow(x.trace, scaled: factor).matchingLoss(x, seed: seed).meanOfRows()
      }
      return try closure(x, 7)[0]
    }
    let found = try loss(1)
    // The deviation of one row's loss is about twice its mean: five standard errors.
    #expect(abs(found - theory) < 5 * 2 * theory / Double(rows).squareRoot(), "\(found) \(theory)")
    #expect(try loss(0.9) > found && loss(1.1) > found)
    let solved = try compile(.rows("x", 1), as: Double.self) { flow($0.trace).transform($0) }
    let z = try solved([[-4], [0.5], [3]])
    for (z, x) in zip(z, [-4, 0.5, 3]) { #expect(abs(z - x / deviation) < 1e-8) }
  }

  @Test("the gradient of the loss is that of finite differences, with a context and units")
  func gradient() throws {
    var model = try Model(
      FlowDescription(
        text: #"{"type": "CNF", "features": 2, "context": 1, "hidden_features": [6, 6]}"#), seed: 2)
    let x = Self.normal(40, seed: 4).map { 3 + 2 * $0 }
    try model.standardize(Rows(x, columns: 2))
    let function = trace(
      [.rows("x", 2), .rows("context", 1), .seed()], dtype: .f64, parametersAreInputs: true
    ) { inputs in
      let loss = try! model.flow.normalizingFlow(inputs[1])
        .matchingLoss(inputs[0], paths: 3, seed: inputs[2])
      return [("loss", loss.meanOfRows())]
    }
    var inputs = model.values
    inputs["x"] = HostArray(x, shape: [20, 2])
    inputs["context"] = HostArray(Self.normal(20, seed: 5), shape: [20, 1])
    inputs["seed"] = HostArray([Int32(5), 9], shape: [2])
    let names = model.parameters.filter(\.isTrainable).map(\.name)
    #expect(names.count == 6)
    let differentiated = try CompiledFunction(
      function.gradient(of: "loss", withRespectTo: names))
    let gradients = try differentiated(inputs, rows: 20)
    let loss = try CompiledFunction(function.optimized())
    for name in names {
      let values = try #require(inputs[name])
      let gradient = try #require(gradients["grad." + name]?.doubles)
      for place in [0, values.count / 2, values.count - 1] {
        func moved(_ step: Double) throws -> Double {
          var (inputs, numbers) = (inputs, values.doubles)
          numbers[place] += step
          inputs[name] = HostArray(numbers, shape: values.shape)
          return try #require(loss(inputs, rows: 20)["loss"]?.doubles[0])
        }
        let difference = try (moved(1e-5) - moved(-1e-5)) / 2e-5
        #expect(abs(gradient[place] - difference) < 1e-7, "\(name)[\(place)]")
      }
    }
  }

  /// Two half circles with noise.
  private static func moons(_ rows: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<rows).flatMap { row -> [Float] in
      let angle = Double.pi * generator.uniform()
      let (x, y) =
        row % 2 == 0 ? (cos(angle), sin(angle)) : (1 - cos(angle), 0.5 - sin(angle))
      return [Float(x + 0.1 * generator.normal()), Float(y + 0.1 * generator.normal())]
    }
  }

  /// The mean log-density of rows under the distribution of `moons`.
  private static func trueLikelihood(_ rows: [Float]) -> Double {
    let angles = (0..<500).map { Double.pi * (Double($0) + 0.5) / 500 }
    let centres = angles.flatMap { [(cos($0), sin($0)), (1 - cos($0), 0.5 - sin($0))] }
    return stride(from: 0, to: rows.count, by: 2).reduce(0.0) { sum, row in
      let (x, y) = (Double(rows[row]), Double(rows[row + 1]))
      let density = centres.reduce(0.0) { sum, centre in
        sum + exp(-50 * (pow(x - centre.0, 2) + pow(y - centre.1, 2)))
      }
      return sum + log(density / Double(centres.count) * 50 / Double.pi)
    } / Double(rows.count / 2)
  }

  private static func options(_ objective: TrainingObjective, epochs: Int) -> TrainingOptions {
    var options = TrainingOptions()
    options.objective = objective
    options.epochs = epochs
    options.learningRate = 5e-3
    options.schedule = .cosine
    options.batchSize = 256
    return options
  }

  @Test(
    "on two moons it is within 0.15 nats of twelve epochs of likelihood, and 0.4 of the truth, or better"
  )
  func moons() throws {
    let (x, held) = (Self.moons(2000, seed: 1), WeightedRows(x: Self.moons(1000, seed: 2)))
    func fitted(_ objective: TrainingObjective, epochs: Int) throws -> TrainingReport {
      var flow = try CNF(features: 2, hiddenFeatures: [48, 48], seed: 3)
      try flow.standardize(Rows(x, columns: 2))
      return try flow.model.fit(
        x, validation: held, options: Self.options(objective, epochs: epochs))
    }
    let likelihood = try #require(fitted(.likelihood, epochs: 12).validationLogLikelihood)
    let report = try fitted(.flowMatching, epochs: 400)
    let matched = try #require(report.validationLogLikelihood)
    #expect(matched > likelihood - 0.15, "\(matched) after \(likelihood)")
    #expect(matched > Self.trueLikelihood(held.x) - 0.4, "\(Self.trueLikelihood(held.x))")
    #expect(report.validationRowsScored == 1000 && report.trainRowsScored == 2000)
    #expect(report.validationMatchingLoss.map { $0 > 2 && $0 < 4 } == true)
  }

  @Test("a context, weights and bounds are learnt with it")
  func contextAndBounds() throws {
    let rows = 3000
    let (c, noise) = (Self.normal(rows, seed: 5), Self.normal(rows, seed: 6))
    // A log-normal number given c; a third of the rows are outliers of weight 0.
    let x = (0..<rows).map { row in
      row % 3 == 0 ? Float(90) : Float(exp(0.5 * c[row] + 0.3 * noise[row]))
    }
    let weights = (0..<rows).map { Float($0 % 3 == 0 ? 0 : 2) }
    let context = c.map { Float($0) }
    var flow = try CNF(features: 1, context: 1, hiddenFeatures: [32, 32], seed: 1)
    try flow.bound(Bounds(lower: [0], upper: [.infinity]))
    try flow.standardize(
      Rows(x, columns: 1), context: Rows(context, columns: 1), weights: weights)
    let report = try flow.model.fit(
      x, context: context, weights: weights, options: Self.options(.flowMatching, epochs: 150))
    #expect(report.trainRows + report.validationRows == 2000)
    // The mean of log p is -(½ log 2πe + log 0.3) less the mean of log x, which is about 0.
    let kept = (0..<rows).filter { $0 % 3 != 0 }
    let meanLog = kept.reduce(0) { $0 + 0.5 * c[$1] + 0.3 * noise[$1] } / Double(kept.count)
    let best = -(0.5 * log(2 * Double.pi * M_E) + log(0.3)) - meanLog
    #expect(report.trainLogLikelihood > best - 0.1, "\(report.trainLogLikelihood) of \(best)")
    #expect(report.trainRowsWithoutDensity == 0)
  }

  @Test("an interrupted run goes on with the same bits, at another number of threads")
  func resumed() throws {
    let x = Self.moons(600, seed: 3)
    var options = Self.options(.flowMatching, epochs: 5)
    options.threads = 1
    var whole = try CNF(features: 2, hiddenFeatures: [16], seed: 1).model
    var checkpoints: [TrainingCheckpoint] = []
    let report = try whole.fit(x, options: options, checkpoint: { checkpoints.append($0) })
    options.threads = 2
    var resumed = try CNF(features: 2, hiddenFeatures: [16], seed: 1).model
    let again = try resumed.fit(x, options: options, resume: checkpoints[2])
    #expect(resumed.values == whole.values)
    #expect(again.validationMatchingLoss == report.validationMatchingLoss)
    options.seed = 4
    var other = try CNF(features: 2, hiddenFeatures: [16], seed: 1).model
    _ = try other.fit(x, options: options)
    #expect(other.values != whole.values)
    options.seed = 0
    options.objective = .likelihood
    #expect {
      try resumed.fit(x, options: options, resume: checkpoints[2])
    } throws: {
      "\($0)".contains("of a run with objective flow-matching")
    }
  }

  @Test("epochs are recorded by their matching loss, and not as log-likelihoods")
  func records() throws {
    var model = try CNF(features: 2, hiddenFeatures: [16], seed: 1).model
    var progress: [TrainingProgress] = []
    _ = try model.fit(
      Self.moons(600, seed: 3), options: Self.options(.flowMatching, epochs: 2),
      progress: { progress.append($0) })
    let last = try #require(progress.last?.finished)
    #expect(last.trainLogLikelihood == nil && last.validationLogLikelihood == nil)
    let (train, held) = (try #require(last.trainMatchingLoss), last.validationMatchingLoss)
    #expect(train > 0 && held.map { $0 > 0 } == true)
    let text = try ProgressLine.text(#require(progress.last))
    #expect(text.contains(String(format: "matching loss: train %.4f  validation ", train)))
    #expect(!text.contains("nats"))
  }

  @Test(
    "a flow that it can't train is refused",
    arguments: [
      (#"{"type": "MAF", "features": 2}"#, "does not end in a continuous transform"),
      (
        #"{"type": "CNF", "features": 2, "base": {"type": "UnconditionalDistribution", "#
          + #""f": {"type": "StudentT"}}}"#, "does not train 'base.log_df'"
      ),
      (
        #"{"type": "CNF", "features": 2, "context": 1, "embedding": [{"type": "Linear", "#
          + #""in_features": 1, "out_features": 3}], "before": [{"type": "UnconditionalTransform", "f": "#
          + #"{"type": "AffineTransform"}}]}"#, "does not train 'transform.transforms.0.loc'"
      ),
    ])
  func refused(description: String, message: String) throws {
    var model = try Model(FlowDescription(text: description), seed: 1)
    let x = Self.moons(100, seed: 1)
    let context = model.context > 0 ? Array(repeating: Float(0), count: 100) : []
    #expect {
      try model.fit(x, context: context, options: Self.options(.flowMatching, epochs: 1))
    } throws: {
      guard case FlowError.invalid(let place, let found, _) = $0 else { return false }
      return place == "objective" && found.contains(message)
    }
  }

  @Test("what is frozen outside of the continuous transform is no obstacle")
  func frozen() throws {
    var model = try Model(
      FlowDescription(
        text: #"{"type": "CNF", "features": 2, "hidden_features": [8], "base": "#
          + #"{"type": "UnconditionalDistribution", "f": {"type": "StudentT"}}}"#), seed: 1)
    var options = Self.options(.flowMatching, epochs: 2)
    options.frozen = ["base"]
    let before = model.values["base.log_df"]
    let report = try model.fit(Self.moons(300, seed: 1), options: options)
    #expect(report.bestEpoch > 0 && model.values["base.log_df"] == before)
  }
}
