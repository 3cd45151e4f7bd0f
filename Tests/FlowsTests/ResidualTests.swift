import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Residual transforms: contractions, their log-determinants and inverses.
@Suite struct ResidualTests {
  private static func description(
    _ features: Int, context: Int = 0, inverse: Bool = false, _ arguments: String = ""
  ) throws -> FlowDescription {
    var part = """
      {"type": "LazyResidualTransform", "features": \(features), "context": \(context),
       "hidden_features": [12, 10]\(arguments)}
      """
    if inverse { part = #"{"type": "LazyInverse", "transform": \#(part)}"# }
    return try FlowDescription(
      text: """
        {"type": "Flow", "features": \(features), "context": \(context), "transform": [\(part)],
         "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": true}}
        """)
  }

  /// A model with weights that would stretch by hundreds without their bound.
  private static func steep(
    _ features: Int, context: Int = 0, inverse: Bool = false, factor: Float = 9
  ) throws -> Model {
    var model = try Model(description(features, context: context, inverse: inverse), seed: 2)
    for (name, values) in model.values where name.hasSuffix("weight") {
      model.values[name] = HostArray(values.floats.map { factor * $0 }, shape: values.shape)
    }
    return model
  }

  private static func rows(_ count: Int, _ columns: Int, scale: Double = 2) -> Rows<Double> {
    var generator = SeededGenerator(seed: 7)
    return Rows((0..<count * columns).map { _ in scale * generator.normal() }, columns: columns)
  }

  @Test("no two rows are stretched apart by more than the constant, and all digits come back")
  func contraction() throws {
    for (features, context) in [(1, 0), (2, 3), (5, 0)] {
      let flow = try Self.steep(features, context: context).compiled(Double.self)
      let x = Self.rows(400, features)
      let given: Rows<Double>? = context > 0 ? Rows([0.3, -1, 2], columns: 3) : nil
      let z = try flow.transform(x, context: given)
      var most = 0.0
      for row in 1..<x.count {
        var (near, far) = (0.0, 0.0)
        for feature in 0..<features {
          let apart = x[row][feature] - x[row - 1][feature]
          let moved = z.rows[row][feature] - z.rows[row - 1][feature] - apart
          near += apart * apart
          far += moved * moved
        }
        most = max(most, (far / near).squareRoot())
      }
      #expect(most <= 0.97 && most > 0.01, "\(features): \(most)")
      let back = try flow.inverse(z.rows, context: given)
      for (one, other) in zip(back.rows.values, x.values) {
        #expect(abs(one - other) < 1e-12 * (1 + abs(other)), "\(features)")
      }
      for (one, other) in zip(back.ladj, z.ladj) { #expect(abs(one + other) < 1e-10) }
    }
  }

  @Test("the log-determinant is that of differences")
  func determinant() throws {
    for features in [1, 2, 4] {
      let flow = try Self.steep(features).compiled(Double.self)
      let x = Self.rows(20, features)
      let ladj = try flow.transform(x).ladj
      for row in x.indices {
        var columns: [Double] = []
        for feature in 0..<features {
          var (low, high) = (Array(x[row]), Array(x[row]))
          low[feature] -= 1e-5
          high[feature] += 1e-5
          let (a, b) = (
            try flow.transform(Rows(low, columns: features)).rows.values,
            try flow.transform(Rows(high, columns: features)).rows.values
          )
          columns += zip(a, b).map { ($1 - $0) / 2e-5 }
        }
        #expect(abs(logDeterminant(columns, size: features) - ladj[row]) < 1e-7)
      }
    }
  }

  @Test("in float32, far out too, rows come back and samples have the density that is scored")
  func narrow() throws {
    let model = try Self.steep(3)
    let flow = try model.compiled()
    let x = Rows(Self.rows(500, 3, scale: 40).values.map { Float($0) }, columns: 3)
    let z = try flow.transform(x)
    let back = try flow.inverse(z.rows)
    // The inverse stretches rounding by 1 / (1 - 0.97) at most.
    for (one, other) in zip(back.rows.values, x.values) {
      #expect(abs(one - other) < 2e-5 * (1 + abs(other)))
    }
    let draw = try flow.sample(1_000, seed: 1)
    for (one, other) in zip(try flow.logProb(draw.x), draw.logProb) {
      #expect(abs(one - other) < 1e-3 * (1 + abs(other)))
    }
    let far = try flow.logProb([[1e10, 0, 0], [-3e38, 1, 2], [.infinity, 0, 0], [.nan, 0, 0]])
    #expect(far[1] == -.infinity && far[2] == -.infinity && far[3].isNaN)
  }

  @Test("the density of one feature integrates to 1, in both directions")
  func integral() throws {
    for inverse in [false, true] {
      let flow = try Self.steep(1, inverse: inverse).compiled(Double.self)
      let points = (0..<20_000).map { -400 + 800 * (Double($0) + 0.5) / 20_000 }
      let mass = try flow.logProb(Rows(points, columns: 1)).reduce(0) { $0 + exp($1) } * 0.04
      #expect(abs(mass - 1) < 1e-4, "\(mass)")
    }
  }

  @Test("gradients by rows and parameters are those of differences")
  func gradients() throws {
    for inverse in [false, true] {
      let model = try Self.steep(2, inverse: inverse, factor: 3)
      let flow = try model.compiled(Double.self)
      let x = Self.rows(5, 2)
      let gradient = try flow.logProbAndGradient(x)
      for index in x.values.indices {
        let values = try [-1e-5, 1e-5].map { step in
          var moved = x.values
          moved[index] += step
          return try flow.logProb(Rows(moved, columns: 2))[index / 2]
        }
        #expect(abs((values[1] - values[0]) / 2e-5 - gradient.x.values[index]) < 1e-5)
      }
      guard !inverse else { continue }
      let name = "transform.transforms.0.net.3.weight"
      let compiled = try CompiledFunction(model.gradientFunction(dtype: .f64))
      func call(_ values: [String: HostArray]) throws -> [String: HostArray] {
        var inputs = values.mapValues { HostArray($0.doubles, shape: $0.shape) }
        inputs["x"] = HostArray(Array(x.values), shape: [5, 2])
        return try compiled(inputs, rows: 5)
      }
      let slopes = try #require(try call(model.values)["grad." + name]).doubles
      for index in [0, 5, 77] {
        let losses = try [-1e-4, 1e-4].map { step in
          var moved = model.values
          var numbers = try #require(moved[name]).doubles
          numbers[index] += step
          moved[name] = HostArray(numbers, shape: try #require(moved[name]).shape)
          return try #require(try call(moved)["loss"]).doubles[0]
        }
        #expect(
          abs((losses[1] - losses[0]) / 2e-4 - slopes[index]) < 1e-5 * (1 + abs(slopes[index])))
      }
    }
  }

  @Test("training finds a density of two peaks, for a context too")
  func fit() async throws {
    var generator = SeededGenerator(seed: 1)
    var (rows, contexts): ([Float], [Float]) = ([], [])
    for index in 0..<1_000 {
      let sign: Float = index % 2 == 0 ? 1 : -1
      contexts.append(sign)
      rows += [sign + Float(0.3 * generator.normal()), Float(generator.normal())]
    }
    let part =
      #"{"type": "LazyResidualTransform", "features": 2, "context": 1, "hidden_features": [16]}"#
    let description = try FlowDescription(
      text: """
        {"type": "Flow", "features": 2, "context": 1, "transform": [\(part), \(part),
          {"type": "UnconditionalTransform", "f": {"type": "ActNorm"}}],
         "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": true}}
        """)
    var model = try Model(description, seed: 1)
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.learningRate) = (30, 100, 1e-2)
    let report = try await model.fit(
      Rows(rows, columns: 2), context: Rows(contexts, columns: 1), options: options)
    // Normal features of deviations 0.3 and 1 for each context.
    let best = -(log(2 * Double.pi) + 1 + log(0.3))
    #expect(report.trainLogLikelihood > best - 0.15, "\(report.trainLogLikelihood) \(best)")
  }

  @Test(
    "wrong arguments are errors with their place",
    arguments: [
      (3, #", "lipschitz": 1"#, "transform[0].lipschitz: found 1.0, expected a number between"),
      (3, #", "activation": "Tanh""#, "transform[0].activation: unknown argument"),
      (3, #", "series": 3"#, "transform[0].series: unknown argument"),
    ])
  func errors(features: Int, arguments: String, message: String) throws {
    let error = #expect(throws: FlowError.self) {
      _ = try Model(Self.description(features, arguments))
    }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "none")")
  }
}
