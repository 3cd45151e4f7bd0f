import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// The transform of heavy tails.
@Suite struct TailTransformTests {
  private func model(_ members: String = #""type": "MAF", "transforms": 1"#, features: Int = 1)
    throws -> Model
  {
    try Model(
      FlowDescription(
        text: """
          {\(members), "features": \(features),
           "before": [{"type": "UnconditionalTransform", "f": {"type": "TailTransform"}}]}
          """), seed: 1)
  }

  /// The transform and its inverse of numbers, with other weights above and below 0.
  private func run(
    _ x: [Double], _ y: [Double], positive: Double, negative: Double, dtype: DType = .f64
  ) throws -> [String: [Double]] {
    let function = trace([.rows("x", 1), .rows("y", 1)], dtype: dtype) { inputs in
      let trace = inputs[0].trace
      let transform = TailTransform(
        positive: trace.constant(positive), negative: trace.constant(negative))
      let (y, ladj) = transform.callAndLadj(inputs[0])
      let (x, back) = transform.inverseAndLadj(inputs[1])
      return [("y", y), ("ladj", ladj), ("x", x), ("back", back)]
    }
    func array(_ values: [Double]) -> HostArray {
      dtype == .f64
        ? HostArray(values, shape: [values.count, 1])
        : HostArray(values.map { Float($0) }, shape: [values.count, 1])
    }
    return try CompiledFunction(function.optimized())(
      ["x": array(x), "y": array(y)], rows: x.count
    ).mapValues(\.doubles)
  }

  @Test("the inverse is the published closed form, with its slope, and the transform undoes it")
  func closedForm() throws {
    let z = [1e-300, -1e-9, 0.3, -0.7, 0.71, 1, -2.5, 6, -11, 11.4, 20, -37]
    for (positive, negative) in [(0.5, 0.1), (1.7, 0.01)] {
      let found = try run(z, z, positive: positive, negative: negative)
      let (x, back) = (try #require(found["x"]), try #require(found["back"]))
      for (index, z) in z.enumerated() {
        let weight = z < 0 ? negative : positive
        let t = abs(z) / 2.0.squareRoot()
        // Foundation's erfc has all digits down to 5e-324; erf near 0.
        let exponent = t < 0.3 ? -log1p(-erf(t)) : -log(erfc(t))
        let exact = expm1(weight * exponent) / weight * (z < 0 ? -1 : 1)
        let slope = weight * exponent + exponent - t * t - 0.5 * log(Double.pi / 2)
        // The exponential multiplies the rounding of its argument.
        let rounding = 1e-15 * (4 + weight * exponent)
        #expect(abs(x[index] - exact) <= rounding * abs(exact), "\(z): \(x[index]) \(exact)")
        #expect(abs(back[index] - slope) <= 1e-12 * (1 + exponent), "\(z): \(back[index])")
      }
      let there = try run(x, x, positive: positive, negative: negative)
      for (one, other) in zip(try #require(there["y"]), z) {
        #expect(abs(one - other) <= 4e-15 * abs(other), "\(one) \(other)")
      }
      for (one, other) in zip(try #require(there["ladj"]), back) {
        #expect(abs(one + other) <= 1e-12 * (1 + abs(other)), "\(one) \(other)")
      }
    }
  }

  @Test("densities far out are finite or -inf in both types, and so are gradients")
  func largest() throws {
    let far: [Double] = [3e38, -3e38, 1e30, -1e20, 1e10, 0, -1e-38]
    for weight in [-9.0, -2, 0, 3] {
      var flow = try model()
      for (name, value) in flow.values where name.contains("tive") {
        flow.values[name] = HostArray([Float(weight)], shape: value.shape)
      }
      func check(_ values: [Double], _ what: String) {
        #expect(
          values.allSatisfy { $0.isFinite || $0 == -.infinity }, "\(weight) \(what) \(values)")
      }
      let narrow = try flow.compiled()
      let rows = Rows(far.map { Float($0) }, columns: 1)
      check(try narrow.logProb(rows).map { Double($0) }, "f32")
      let gradient = try narrow.logProbAndGradient(rows).x.values
      #expect(gradient.allSatisfy { !$0.isNaN }, "\(weight) \(gradient)")
      let wide = try flow.compiled(Double.self)
      check(try wide.logProb(Rows(far + [1e308, -1e308], columns: 1)), "f64")
      let ends = try narrow.logProb(Rows([.infinity, -.infinity, .nan], columns: 1))
      #expect(ends[0] == -.infinity && ends[1] == -.infinity && ends[2].isNaN)
      let draw = try narrow.sample(5_000, seed: 1)
      #expect(draw.logProb.allSatisfy { !$0.isNaN && $0 < .infinity }, "\(weight)")
    }
  }

  @Test("densities integrate to 1, and float32 is near float64")
  func integral() throws {
    let flow = try model(#""type": "NSF""#)
    // With x = sinh(u) the tails are within |u| < 250.
    let points = (0..<200_000).map { -250 + 500 * (Double($0) + 0.5) / 200_000 }
    let x = points.map { sinh($0) }
    let values = try flow.compiled(Double.self).logProb(Rows(x, columns: 1))
    let mass = zip(values, points).reduce(0) { $0 + exp($1.0 + log(cosh($1.1))) * 500 / 200_000 }
    #expect(abs(mass - 1) < 1e-4, "\(mass)")
    let some = stride(from: 80_000, to: 120_000, by: 500).map { $0 }
    let narrow = try flow.compiled().logProb(
      Rows(some.map { Float(x[$0]) }, columns: 1))
    for (one, index) in zip(narrow, some) {
      #expect(abs(Double(one) - values[index]) < 1e-4 * (1 + abs(values[index])))
    }
  }

  @Test("gradients by rows and weights are those of differences")
  func gradients() throws {
    let x = [0.4, -3, 25, -0.01, 1e6]
    let flow = try model()
    let gradient = try flow.compiled(Double.self).logProbAndGradient(Rows(x, columns: 1)).x.values
    for (index, x) in x.enumerated() {
      let step = 1e-6 * max(abs(x), 1e-2)
      let values = try flow.compiled(Double.self).logProb(
        Rows([x - step, x + step], columns: 1))
      let slope = (values[1] - values[0]) / (2 * step)
      #expect(abs(slope - gradient[index]) < 1e-5 * (1e-4 + abs(slope)), "\(x) \(slope)")
    }
    let compiled = try CompiledFunction(flow.gradientFunction(dtype: .f64))
    func call(_ change: (name: String, by: Double)?) throws -> [String: HostArray] {
      var inputs = flow.values.mapValues { HostArray($0.doubles, shape: $0.shape) }
      inputs["x"] = HostArray(x, shape: [5, 1])
      if let change, let old = inputs[change.name] {
        inputs[change.name] = HostArray(old.doubles.map { $0 + change.by }, shape: old.shape)
      }
      return try compiled(inputs, rows: 5)
    }
    let names = flow.parameters.map(\.name).filter { $0.contains("tive") }
    #expect(names.count == 2)
    let slopes = try call(nil)
    for name in names {
      let losses = try [-1e-5, 1e-5].map { try #require(call((name, $0))["loss"]).doubles[0] }
      let found = try #require(slopes["grad." + name]).doubles[0]
      #expect(abs((losses[1] - losses[0]) / 2e-5 - found) < 1e-7 * (1 + abs(found)), "\(name)")
    }
  }

  @Test("training finds the weights of both tails")
  func learning() async throws {
    // Generalized Pareto distributions of shapes 0.5 above 0 and 0.1 below it, by their quantiles.
    let x = (0..<4_000).map { index -> Float in
      let p = (Double(index * 1_597 % 4_000) + 0.5) / 4_000
      return Float(
        p > 0.5 ? (pow(2 * (1 - p), -0.5) - 1) / 0.5 : -(pow(2 * p, -0.1) - 1) / 0.1)
    }
    // No transform stands between the tails and the normal base, so that the weights are the data's own.
    var flow = try Model(
      FlowDescription(
        text: """
          {"type": "Flow", "features": 1, "context": 0, "transform": [
            {"type": "UnconditionalTransform", "f": {"type": "AffineTransform"}},
            {"type": "UnconditionalTransform", "f": {"type": "TailTransform"}}],
           "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": true}}
          """), seed: 1)
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.learningRate, options.seed) = (40, 200, 0.02, 2)
    try await flow.fit(Rows(x, columns: 1), options: options)
    func weight(_ name: String) throws -> Double {
      exp(try #require(flow.values.first { $0.key.hasSuffix(name) }).value.doubles[0])
    }
    let (above, below) = (try weight("log_positive"), try weight("log_negative"))
    #expect(abs(above - 0.5) < 0.06 && abs(below - 0.1) < 0.06, "\(above) \(below)")
  }
}
