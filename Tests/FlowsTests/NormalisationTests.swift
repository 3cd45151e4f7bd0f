import FlowFiles
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Layers that take their values from rows.
@Suite struct NormalisationTests {
  private static func model(_ parts: [String], features: Int = 2) throws -> Model {
    try Model(
      FlowDescription(
        text: """
          {"type": "Flow", "features": \(features), "transform": [\(parts.joined(separator: ", "))],
           "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": true}}
          """), seed: 3)
  }

  private static func part(_ name: String, inverse: Bool = false) -> String {
    #"{"type": "UnconditionalTransform", "f": {"type": "\#(name)", "inverse": \#(inverse)}}"#
  }

  private static let masked =
    #"{"type": "MaskedAutoregressiveTransform", "features": 2, "hidden_features": [8]}"#

  private static func rows(_ count: Int) -> Rows<Float> {
    var generator = SeededGenerator(seed: 4)
    return Rows(
      (0..<count).flatMap { _ -> [Float] in
        let (a, b) = (generator.normal(), generator.normal())
        return [Float(30 + 4 * a), Float(-0.002 * b + 0.001 * a)]
      }, columns: 2)
  }

  private static func moments(_ x: [Float], _ column: Int) -> (mean: Double, variance: Double) {
    let numbers = stride(from: column, to: x.count, by: 2).map { Double(x[$0]) }
    let mean = numbers.reduce(0, +) / Double(numbers.count)
    return (
      mean, numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count)
    )
  }

  @Test(
    "behind an ActNorm the rows have mean 0 and deviation 1, in either direction and behind others")
  func actNorm() throws {
    let x = Self.rows(1_000)
    let parts = [
      Self.part("ActNorm"), Self.masked, Self.part("ActNorm", inverse: true), Self.masked,
      Self.part("ActNorm"),
    ]
    for count in [1, 3, 5] {
      var model = try Self.model(Array(parts.prefix(count)))
      try model.findStatistics(x)
      let z = try model.compiled().transform(x).rows.values
      for column in 0..<2 {
        let (mean, variance) = Self.moments(Array(z), column)
        // The mean of 30 ± 4 loses 3 of float32's 7 digits.
        #expect(abs(mean) < 1e-3 && abs(variance - 1) < 1e-3, "\(count): \(mean) \(variance)")
      }
      // A second call leaves what has values.
      let values = model.values
      try model.findStatistics(Rows(Array(repeating: Float(1), count: 4) + [2, 3], columns: 2))
      #expect(model.values == values)
    }
  }

  @Test("fit begins with the statistics, leaves them out of rows without weight, and trains on")
  func fitActNorm() async throws {
    let x = Self.rows(2_000)
    var far = x.values
    far += [Float(1e6), -1e6]
    let weights = Array(repeating: Float(1), count: 2_000) + [0]
    var model = try Self.model([Self.part("ActNorm")])
    var options = TrainingOptions()
    (options.epochs, options.learningRate, options.validation) = (1, 1e-6, 0)
    let report = try model.fit(Array(far), weights: weights, options: options)
    // The normal distribution of these means and deviations.
    let best = (0..<2).reduce(0.0) {
      $0 - 0.5 * (log(2 * Double.pi * Self.moments(Array(x.values), $1).variance) + 1)
    }
    #expect(abs(report.trainLogLikelihood - best) < 1e-3, "\(report.trainLogLikelihood) \(best)")
    let scale = try #require(model.values["transform.transforms.0.log_scale"]).doubles
    #expect(abs(exp(-scale[0]) - 4) < 0.3 && abs(exp(-scale[1]) - 0.00223) < 0.0002)
  }

  @Test("a step of a BatchNorm takes the statistics of its batch, and differentiates them")
  func batch() throws {
    var model = try Self.model([Self.part("BatchNorm")])
    let place = "transform.transforms.0."
    model.values[place + "unconstrained_weight"] = HostArray([Float(0.3), -0.2], shape: [2])
    model.values[place + "bias"] = HostArray([Float(0.1), 0.4], shape: [2])
    // What is stored has no part in it.
    model.values[place + "running_mean"] = HostArray([Float(100), -7], shape: [2])
    let x: [Float] = [1, 2, 0.5, -1, 3, 0.25, -2, 1, 0, 0.75]
    let loss = try CompiledFunction(model.trainingLoss().optimized())
    func found(_ bias: [Float]) throws -> Double {
      var inputs = model.values
      inputs[place + "bias"] = HostArray(bias, shape: [2])
      inputs["x"] = HostArray(x, shape: [5, 2])
      return try #require(try loss(inputs, rows: 5)["loss"]).doubles[0]
    }
    var exact = 0.0
    for (column, (raw, bias)) in [(0.3, 0.1), (-0.2, 0.4)].enumerated() {
      let (mean, variance) = Self.moments(x, column)
      let weight = log1p(exp(raw)) + 1e-5
      for row in 0..<5 {
        let z =
          weight * (Double(x[2 * row + column]) - mean) / (variance + 1e-5).squareRoot() + bias
        exact += 0.5 * z * z + 0.5 * log(2 * .pi) - log(weight) + 0.5 * log(variance + 1e-5)
      }
    }
    #expect(abs(try found([0.1, 0.4]) - exact / 5) < 1e-5)
    // The gradient of a layer before it goes through the statistics: a shift there changes nothing.
    let shifted = try Self.model([Self.part("AdditiveTransform"), Self.part("BatchNorm")])
    let gradient = try CompiledFunction(
      shifted.trainingLoss().gradient(of: "loss", withRespectTo: [place + "shift"]))
    var inputs = shifted.values
    inputs["x"] = HostArray(x, shape: [5, 2])
    let slope = try #require(gradient(inputs, rows: 5)["grad." + place + "shift"]).doubles
    #expect(slope.allSatisfy { abs($0) < 1e-5 }, "\(slope)")
  }

  @Test("a BatchNorm is trained, and its density, by running statistics, integrates to 1")
  func trained() async throws {
    var generator = SeededGenerator(seed: 9)
    let x = Rows((0..<2_000).map { _ in Float(500 + 20 * generator.normal()) }, columns: 1)
    let spline = """
      {"type": "MaskedAutoregressiveTransform", "features": 1, "hidden_features": [8],
       "univariate": {"type": "MonotonicRQSTransform"}, "shapes": [[6], [6], [5]]}
      """
    var model = try Self.model(
      [Self.part("BatchNorm"), spline, Self.part("BatchNorm")], features: 1)
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.learningRate) = (10, 200, 1e-2)
    let report = try await model.fit(x, options: options)
    let best = -0.5 * (log(2 * Double.pi * 400) + 1)
    #expect(abs(report.trainLogLikelihood - best) < 0.06, "\(report.trainLogLikelihood) \(best)")
    let mean = try #require(model.values["transform.transforms.0.running_mean"]).doubles[0]
    #expect(abs(mean - 500) < 2)
    let flow = try model.compiled(Double.self)
    let points = (0..<40_000).map { 300 + 400 * (Double($0) + 0.5) / 40_000 }
    let mass = try flow.logProb(Rows(points, columns: 1)).reduce(0) { $0 + exp($1) } * 400 / 40_000
    #expect(abs(mass - 1) < 1e-4, "\(mass)")
    // The report is of the model that is kept.
    let again = try model.compiled().logProb(x)
    let likelihood = again.reduce(0) { $0 + Double($1) } / Double(again.count)
    #expect(abs(likelihood - report.trainLogLikelihood) < 0.02)
    let draw = try flow.sample(2_000, seed: 1)
    #expect(abs(draw.x.values.reduce(0, +) / 2_000 - 500) < 3)
  }

  @Test("a run that was stopped goes on with the same statistics")
  func resume() throws {
    let x = Array(Self.rows(500).values)
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.learningRate) = (4, 100, 1e-2)
    options.schedule = .constant
    let parts = [Self.part("ActNorm"), Self.masked, Self.part("BatchNorm")]
    var (whole, stopped, again) = (
      try Self.model(parts), try Self.model(parts), try Self.model(parts)
    )
    var kept: TrainingCheckpoint?
    try whole.fit(x, options: options)
    var half = options
    half.epochs = 2
    try stopped.fit(x, options: half, checkpoint: { kept = $0 })
    try again.fit(x, options: options, resume: kept)
    #expect(again.values == whole.values)
  }
}
