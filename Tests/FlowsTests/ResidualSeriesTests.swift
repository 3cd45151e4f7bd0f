import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Residual transforms whose log-determinant is estimated by a series.
@Suite struct ResidualSeriesTests {
  private static func description(
    _ features: Int, context: Int = 0, transforms: Int = 1, _ arguments: String
  ) throws -> FlowDescription {
    let part = """
      {"type": "LazyResidualTransform", "features": \(features), "context": \(context),
       "hidden_features": [12, 10]\(arguments)}
      """
    return try FlowDescription(
      text: """
        {"type": "Flow", "features": \(features), "context": \(context),
         "transform": [\(Array(repeating: part, count: transforms).joined(separator: ","))],
         "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": true}}
        """)
  }

  /// A model whose weights are larger than the first ones.
  private static func steep(
    _ features: Int, context: Int = 0, transforms: Int = 1, factor: Float = 3,
    _ arguments: String = ""
  ) throws -> Model {
    var model = try Model(
      description(features, context: context, transforms: transforms, arguments), seed: 2)
    for (name, values) in model.values where name.hasSuffix("weight") {
      model.values[name] = HostArray(values.floats.map { factor * $0 }, shape: values.shape)
    }
    return model
  }

  private static func rows(_ count: Int, _ columns: Int) -> Rows<Double> {
    var generator = SeededGenerator(seed: 7)
    return Rows((0..<count * columns).map { _ in generator.normal() }, columns: columns)
  }

  private static func interpreted(
    _ model: Model, _ x: Rows<Double>, _ output: String = "log_prob"
  ) throws -> [Double] {
    var arguments = model.values.mapValues(\.doubles)
    arguments["x"] = Array(x.values)
    let function = model.trace(.compiled(.logProb), dtype: .f64).function
    return try #require(Interpreter.run(function, arguments, rows: x.count)[output]).values
  }

  @Test("the mean over seeds is the exact log-determinant, whatever the probes and terms are")
  func unbiased() throws {
    let x = Self.rows(3, 6)
    let exact = try Self.interpreted(try Self.steep(6), x)
    for (probes, terms) in [(1, 1), (3, 2)] {
      let model = try Self.steep(6, #", "probes": \#(probes), "terms": \#(terms)"#)
      #expect(model.hasEstimate)
      let count = 600.0
      var (sums, squares) = ([Double](repeating: 0, count: 3), [Double](repeating: 0, count: 3))
      for seed in 0..<Int(count) {
        for (row, value) in try Self.interpreted(model.redrawn(seed: seed), x).enumerated() {
          sums[row] += value
          squares[row] += value * value
        }
      }
      for row in 0..<3 {
        let mean = sums[row] / count
        let error = ((squares[row] / count - mean * mean) / (count - 1)).squareRoot()
        // Four standard errors: one in 16,000 draws of the seeds is further away.
        #expect(abs(mean - exact[row]) < 4 * error, "\(probes): \(mean) \(exact[row]) \(error)")
        #expect(error > 1e-4 && error < 0.05, "\(probes): \(error)")
      }
    }
  }

  @Test("with as many probes as features and many terms it is the exact one, for each seed")
  func complete() throws {
    let x = Self.rows(4, 5)
    let exact = try Self.interpreted(try Self.steep(5), x)
    let model = try Self.steep(5, #", "probes": 5, "terms": 100, "lipschitz": 0.97, "seed": 3"#)
    for (one, other) in zip(try Self.interpreted(model, x), exact) {
      // The slopes of this network are below 0.8, whose 101st power is 1e-10.
      #expect(abs(one - other) < 1e-8, "\(one) \(other)")
    }
  }

  @Test("probes are orthogonal, and lengths have the chances that the weights assume")
  func draws() {
    let series = LogDeterminantSeries(probes: 4, terms: 3, continuation: 0.8, seed: 5)
    let probes = series.vectors(features: 7)
    for one in 0..<4 {
      for other in 0..<4 {
        let product = (0..<7).reduce(0) { $0 + probes[one * 7 + $1] * probes[other * 7 + $1] }
        #expect(abs(product - (one == other ? 7 : 0)) < 1e-12)
      }
    }
    let lengths = (0..<10_000).map {
      LogDeterminantSeries(terms: 3, continuation: 0.8, seed: $0).length
    }
    for more in [0, 1, 3, 8] {
      let share = Double(lengths.count { $0 >= 3 + more }) / 10_000
      // The standard deviation of a share is 0.005 at most.
      #expect(abs(share - pow(0.8, Double(more))) < 0.02, "\(more) \(share)")
    }
  }

  @Test("80 features: compiled code is the interpreter's, rows come back, rows are independent")
  func many() throws {
    let model = try Self.steep(80, context: 2, transforms: 2)
    let flow = try model.compiled(Double.self)
    let (x, context) = (Self.rows(70, 80), Rows([0.5, -1.0], columns: 2))
    let values = try flow.logProb(x, context: context)
    var arguments = model.values.mapValues(\.doubles)
    arguments["x"] = Array(x.values[0..<160])
    arguments["context"] = [0.5, -1, 0.5, -1]
    let function = model.trace(.compiled(.logProb), dtype: .f64).function
    let plain = try #require(Interpreter.run(function, arguments, rows: 2)["log_prob"]).values
    for (one, other) in zip(values, plain) { #expect(abs(one - other) < 1e-10 * abs(other)) }

    let z = try flow.transform(x, context: context)
    let back = try flow.inverse(z.rows, context: context)
    for (one, other) in zip(back.rows.values, x.values) {
      #expect(abs(one - other) < 1e-13 * (1 + abs(other)))
    }
    for (one, other) in zip(back.ladj, z.ladj) { #expect(abs(one + other) < 1e-11) }

    for index in [0, 13, 69] {
      // Two rows, as the one context of a single row is not taken for a shared one.
      let pair = Rows(Array(x[index]) + Array(x[5]), columns: 80)
      #expect(try flow.logProb(pair, context: context)[0] == values[index])
      let few = Rows(Array(z.rows[index]) + Array(z.rows[5]), columns: 80)
      #expect(Array(try flow.inverse(few, context: context).rows[0]) == Array(back.rows[index]))
    }
    #expect(try flow.logProb(x, context: context, threads: 2) == values)
  }

  @Test("in float32, samples have the density that is scored, and what is far out has none")
  func narrow() throws {
    let flow = try Self.steep(80).compiled()
    let draw = try flow.sample(200, seed: 1)
    for (one, other) in zip(try flow.logProb(draw.x), draw.logProb) {
      #expect(abs(one - other) < 1e-5 * (1 + abs(other)))
    }
    var far = [Float](repeating: 0, count: 240)
    (far[0], far[80], far[160]) = (-3e38, .infinity, .nan)
    let scores = try flow.logProb(Rows(far, columns: 80))
    #expect(scores[0] == -.infinity && scores[1] == -.infinity && scores[2].isNaN)
  }

  @Test("gradients by rows and parameters are those of differences")
  func gradients() throws {
    let model = try Self.steep(70, #", "probes": 3, "terms": 4"#)
    let flow = try model.compiled(Double.self)
    let x = Self.rows(2, 70)
    let gradient = try flow.logProbAndGradient(x)
    for index in [0, 33, 139] {
      let values = try [-1e-5, 1e-5].map { step in
        var moved = x.values
        moved[index] += step
        return try flow.logProb(Rows(moved, columns: 70))[index / 70]
      }
      #expect(abs((values[1] - values[0]) / 2e-5 - gradient.x.values[index]) < 1e-6)
    }
    let compiled = try CompiledFunction(model.gradientFunction(dtype: .f64))
    func call(_ values: [String: HostArray]) throws -> [String: HostArray] {
      var inputs = values.mapValues { HostArray($0.doubles, shape: $0.shape) }
      inputs["x"] = HostArray(Array(x.values), shape: [2, 70])
      return try compiled(inputs, rows: 2)
    }
    for (name, index) in [("net.1.weight", 5), ("net.3.weight", 7), ("net.2.beta", 0)] {
      let path = "transform.transforms.0." + name
      let slopes = try #require(try call(model.values)["grad." + path]).doubles
      let losses = try [-1e-3, 1e-3].map { step in
        var moved = model.values
        let old = try #require(moved[path])
        var numbers = old.doubles
        numbers[index] += step
        moved[path] = HostArray(numbers, shape: old.shape)
        return try #require(try call(moved)["loss"]).doubles[0]
      }
      let slope = (losses[1] - losses[0]) / 2e-3
      #expect(abs(slope - slopes[index]) < 2e-4 * (1 + abs(slope)), "\(name) \(slope)")
    }
  }

  @Test("a training step draws probes of its own, whose mean is the exact loss")
  func step() throws {
    let (exact, model) = (try Self.steep(6), try Self.steep(6, #", "probes": 2, "terms": 20"#))
    let x = Self.rows(5, 6)
    let wanted = try -Self.interpreted(exact, x).reduce(0, +) / 5
    let loss = model.trainingLoss().function
    var arguments = model.values.mapValues(\.doubles)
    arguments["x"] = Array(x.values)
    var losses: [Double] = []
    for seed in 0..<500 {
      arguments["step_seed"] = [Double(seed), 1]
      losses.append(try #require(Interpreter.run(loss, arguments, rows: 5)["loss"]).values[0])
    }
    let mean = losses.reduce(0, +) / 500
    let error = (losses.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 499 / 500).squareRoot()
    #expect(abs(mean - wanted) < 4 * error && error > 1e-5 && error < 0.1, "\(mean) \(wanted)")
  }

  @Test("a few steps at 80 features lower the loss")
  func training() async throws {
    var generator = SeededGenerator(seed: 3)
    let values = (0..<400).flatMap { _ in
      let shared = generator.normal()
      return (0..<80).map { _ in Float(0.5 * shared + 0.6 * generator.normal()) }
    }
    let x = Rows(values, columns: 80)
    var model = try Model(Self.description(80, #", "probes": 16"#), seed: 1)
    func score(_ model: Model) throws -> Float {
      try model.compiled().logProb(x).reduce(0, +) / 400
    }
    let before = try score(model)
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.learningRate) = (4, 100, 1e-2)
    try await model.fit(x, options: options)
    let after = try score(model)
    #expect(after > before + 1, "\(before) \(after)")
  }

  @Test(
    "wrong arguments are errors with their place",
    arguments: [
      (3, #", "probes": 0"#, "transform[0].probes: found 0, expected an integer of 1 to"),
      (80, #", "terms": 101"#, "transform[0].terms: found 101, expected an integer of 1 to 100"),
      (80, #", "seed": -1"#, "transform[0].seed: found -1"),
    ])
  func errors(features: Int, arguments: String, message: String) throws {
    let error = #expect(throws: FlowError.self) {
      _ = try Model(Self.description(features, arguments))
    }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "none")")
  }
}
