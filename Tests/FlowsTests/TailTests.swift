import FlowFiles
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Flows with heavy tails.
@Suite struct TailTests {
  private static let student =
    #""base": {"type": "UnconditionalDistribution", "f": {"type": "StudentT"}}"#
  private static let asinh =
    #""before": [{"type": "UnconditionalTransform", "f": {"type": "AsinhTransform"}}]"#

  private func model(_ members: String, seed: UInt64 = 1) throws -> Model {
    try Model(FlowDescription(text: "{\(members)}"), seed: seed)
  }

  @Test(
    "a base of Student's distribution takes the place of the normal one",
    arguments: ["MAF", "NSF", "NICE", "GF", "NAF", "CNF"])
  func base(type: String) throws {
    var heavy = try model(#""type": "\#(type)", "features": 2, "# + Self.student)
    let name = try #require(heavy.parameters.first { $0.name.hasSuffix("log_df") }?.name)
    #expect(name == "base.log_df" && !heavy.parameters.contains { $0.name == "base.loc" })
    heavy.values[name] = HostArray([log(3.0), log(5.0)], shape: [2])
    let flow = try heavy.compiled(Double.self)
    let x: Rows<Double> = [[0.3, -1.2], [2.5, 0.1], [-4, 3]]
    let z = try flow.transform(x)
    let found = try flow.logProb(x)
    for row in x.indices {
      var exact: Double = z.ladj[row]
      for (z, df) in zip(z.rows[row], [3.0, 5.0]) {
        let constant: Double = lgamma((df + 1) / 2) - lgamma(df / 2)
        exact += constant - log(.pi * df) / 2
        exact -= (df + 1) / 2 * log1p(z * z / df)
      }
      #expect(abs(found[row] - exact) < 1e-9 * (1 + abs(exact)), "\(type)")
    }
    // Untrained, these two put samples far out to the ends of what their numbers hold, with any base.
    guard !["GF", "NAF"].contains(type) else { return }
    let draw = try flow.sample(200, seed: 1)
    let again = try flow.logProb(draw.x)
    let tolerance = type == "CNF" ? 1e-2 : 1e-5
    for (one, other) in zip(draw.logProb, again) {
      #expect(abs(one - other) < tolerance * (1 + abs(one)), "\(type)")
    }
  }

  @Test(
    "training finds the degrees of freedom of heavy tails, and is better than with a normal base")
  func learning() async throws {
    // Student's distribution of 2 degrees, by its quantiles: (2 p - 1) / sqrt(2 p (1 - p)).
    let p = (0..<4_000).map { index -> Double in
      let place = Double(index * 1_597 % 4_000)
      return (place + 0.5) / 4_000
    }
    let numbers = p.map { p -> Float in
      let width: Double = (2 * p * (1 - p)).squareRoot()
      return Float((2 * p - 1) / width)
    }
    let x = Rows(numbers, columns: 1)
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.learningRate, options.seed) = (40, 200, 0.02, 2)
    var heavy = try model(#""type": "MAF", "features": 1, "transforms": 1, "# + Self.student)
    var light = try model(#""type": "MAF", "features": 1, "transforms": 1"#)
    let (first, second) = (
      try await heavy.fit(x, options: options), try await light.fit(x, options: options)
    )
    let df = exp(try #require(heavy.values["base.log_df"]).doubles[0])
    #expect(df > 1.5 && df < 3, "\(df)")
    #expect(first.trainLogLikelihood > second.trainLogLikelihood + 0.2)
  }

  @Test("densities at the largest numbers of float32 are finite or -inf, never NaN or +inf")
  func largest() throws {
    let far: [Float] = [3e38, -3e38, 3.4028235e38, 1e30, -1e20, 1e10, 0]
    let one = Rows(far, columns: 1)
    for members in [
      #""type": "MAF", "features": 1, "# + Self.student,
      #""type": "NSF", "features": 1, "# + Self.student,
      #""type": "NSF", "features": 1, "# + Self.student + ", " + Self.asinh,
      #""type": "MAF", "features": 1, "# + Self.asinh,
    ] {
      let values = try model(members).compiled().logProb(one)
      #expect(values.allSatisfy { $0.isFinite || $0 == -.infinity }, "\(members) \(values)")
    }
    var numbers: [Float] = []
    for a in far {
      for b in far { numbers += [a, b, -a] }
    }
    let several = Rows(numbers, columns: 3)
    let types = ["MAF", "NSF", "NICE", "SOSPF", "BPF"]
    for members in [Self.student, Self.student + ", " + Self.asinh, #""transforms": 2"#] {
      for type in types {
        let flow = try model(#""type": "\#(type)", "features": 3, "# + members).compiled()
        let values = try flow.logProb(several)
        #expect(
          values.allSatisfy { $0.isFinite || $0 == -.infinity }, "\(type) \(members) \(values)")
        guard members.contains("Asinh") else { continue }
        let gradients = try flow.logProbAndGradient(several)
        #expect(gradients.x.values.allSatisfy { !$0.isNaN }, "\(type) \(members)")
        let draw = try flow.sample(2_000, seed: 1)
        #expect(draw.logProb.allSatisfy { !$0.isNaN && $0 < .infinity }, "\(type) \(members)")
      }
    }
  }

  @Test("mixtures and equations too have no density, and not NaN, where numbers overflow")
  func largestElsewhere() throws {
    let rows: Rows<Float> = [[-3e38, 3e38], [3e38, 3e38], [1e30, -1e25], [0.1, -0.2]]
    for members in [
      #""type": "GMM""#, #""type": "GMM", "covariance_type": "diagonal""#, #""type": "CNF""#,
      #""type": "CNF", "# + Self.student, #""type": "GF", "# + Self.student,
    ] {
      let flow = try model(members + #", "features": 2"#).compiled()
      let values = try flow.logProb(rows)
      #expect(values.allSatisfy { $0.isFinite || $0 == -.infinity }, "\(members) \(values)")
      #expect(values[3].isFinite, "\(members)")
    }
  }

  @Test("a row of ordinary numbers whose result is NaN stays NaN")
  func ordinary() throws {
    var broken = try model(#""type": "MAF", "features": 2, "transforms": 1"#)
    let name = try #require(broken.parameters.first { $0.shape.count == 2 }?.name)
    let shape = try #require(broken.values[name]).shape
    broken.values[name] = HostArray(
      [Double](repeating: .nan, count: shape.reduce(1, *)), shape: shape)
    let values = try broken.compiled().logProb([[0.1, -0.2], [1e15, 1]] as Rows<Float>)
    #expect(values.allSatisfy { $0.isNaN })
  }

  @Test("Student's density is right as far out as numbers go, and its heaviest tails can be drawn")
  func farStudent() throws {
    for df in [0.1, 1, 4.5] {
      let function = trace([.rows("x", 1)], dtype: .f64) { inputs in
        let base = StandardStudentT(df: inputs[0].trace.constant([df], shape: [1]))
        return [("log_prob", base.logProb(inputs[0]))]
      }
      let x = [1e-200, 0.3, -1, 1.0000001, 1e19, -2e154, 1e300]
      let found = try CompiledFunction(function.gradient(of: "log_prob"))(
        ["x": HostArray(x, shape: [x.count, 1])], rows: x.count)
      for (slope, x) in zip(try #require(found["grad.x"]).doubles, x) {
        let exact = -(df + 1) / (df / x + x)
        #expect(abs(slope - exact) <= 1e-14 * abs(exact), "\(df) \(x)")
      }
      for (value, x) in zip(try #require(found["log_prob"]).doubles, x) {
        let constant: Double = lgamma((df + 1) / 2) - lgamma(df / 2) - log(.pi * df) / 2
        let size = hypot(1, x / df.squareRoot())
        let exact = constant - (df + 1) * (abs(x) < 0.5 ? log1p(x * x / df) / 2 : log(size))
        #expect(abs(value - exact) < 1e-14 * (1 + abs(exact)), "\(df) \(x)")
      }
      let draws = trace([.seed()]) { inputs in
        let base = StandardStudentT(df: inputs[0].trace.constant([df], shape: [1]))
        let (x, logProb) = base.sampleAndLogProb(seed: inputs[0])
        return [("x", x), ("log_prob", logProb)]
      }
      let drawn = try CompiledFunction(draws.optimized())(
        ["seed": HostArray([Int32(3), 4], shape: [2])], rows: 20_000)
      for name in ["x", "log_prob"] {
        #expect(try #require(drawn[name]).doubles.allSatisfy(\.isFinite), "\(df) \(name)")
      }
    }
  }

  @Test("asinh has all digits near 0 and far out, and so has its inverse")
  func asinhDigits() throws {
    let function = trace([.rows("x", 1), .rows("y", 1)], dtype: .f64) { inputs in
      let (y, ladj) = AsinhTransform().callAndLadj(inputs[0])
      let (x, back) = AsinhTransform().inverseAndLadj(inputs[1])
      return [("y", y), ("ladj", ladj), ("x", x), ("back", back)]
    }
    let x = [1e-300, -1e-9, 0.5, -0.999, 1, 1.001, -40, 1e8, -1e160, 1.7e308]
    let y = [1e-300, -1e-9, 0.5, -0.999, 1, 1.001, -40, 300, -700, 709]
    let found = try CompiledFunction(function.optimized())(
      ["x": HostArray(x, shape: [10, 1]), "y": HostArray(y, shape: [10, 1])], rows: 10)
    func check(_ name: String, _ exact: [Double]) throws {
      for (one, other) in zip(try #require(found[name]).doubles, exact) {
        #expect(abs(one - other) <= 4e-15 * abs(other), "\(name): \(one) \(other)")
      }
    }
    try check("y", x.map { Foundation.asinh($0) })
    try check("ladj", x.map { abs($0) < 1 ? -log1p($0 * $0) / 2 : -log(hypot(1, $0)) })
    try check("x", y.map { sinh($0) })
  }

  @Test("a base that does not fit is an error")
  func errors() throws {
    for members in [
      #""type": "NCSF", "features": 2, "# + Self.student,
      #""type": "GMM", "features": 2, "# + Self.student,
      #""type": "NSF", "features": 2, "circular": [0], "# + Self.student,
      #""type": "MAF", "features": 2, "base": {"type": "Cube"}"#,
      #""type": "MAF", "features": 2, "base": {"type": "UnconditionalDistribution", "f": {"type": "StudentT"}, "buffer": true}"#,
    ] {
      #expect(throws: FlowError.self) { try model(members) }
    }
  }
}
