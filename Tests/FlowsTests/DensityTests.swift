import FlowFiles
import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Distributions against Zuko's and torch's values, and samples against their own distribution functions.
@Suite("distributions") struct DensityTests {
  static let betas = [0.5, 1.0, 2.0, 3.5, 10.0]

  private func reference() throws -> SafetensorsFile {
    let url = try #require(
      Bundle.module.url(
        forResource: "distributions", withExtension: "safetensors", subdirectory: "Fixtures"))
    return try SafetensorsFile(path: url.path)
  }

  private static func constant(_ trace: Trace, _ value: Double) -> Tensor { trace.constant(value) }

  /// Distributions of single numbers, by the name of their reference values.
  private static func scalars(_ trace: Trace) -> [(String, any ScalarDistribution)] {
    let number = { trace.constant($0) }
    let normal = Normal(loc: number(0.3), scale: number(1.2))
    return [
      ("normal", normal), ("uniform", Uniform(lower: number(-2), upper: number(1.5))),
      (
        "transformed", TransformedUniform(SigmoidTransform(), lower: number(-2), upper: number(1))
      ), ("truncated", Truncated(normal, lower: number(-0.5), upper: number(1))),
      ("minimum", Minimum(normal, n: 3)), ("maximum", Maximum(normal, n: 3)),
    ] + betas.map { ("generalized.\($0)", GeneralizedNormal(beta: number($0))) }
  }

  /// Distributions of three features.
  private static func vectors(_ trace: Trace, _ tril: Tensor, _ covariance: Tensor) -> [(
    String, any Distribution
  )] {
    let normal = Normal(loc: trace.constant(0.3), scale: trace.constant(1.2))
    let loc = trace.constant([0.1, -0.2, 0.3], shape: [3])
    return [
      ("sort", Sort(normal, n: 3)), ("sort.descending", Sort(normal, n: 3, descending: true)),
      ("topk", TopK(normal, k: 3, n: 5)),
      ("topk.descending", TopK(normal, k: 3, n: 5, descending: true)),
      ("multivariate", MultivariateNormal(loc: loc, scaleTril: tril)),
      ("multivariate", MultivariateNormal(loc: loc, covariance: covariance)),
      (
        "joint",
        Joint([
          DiagNormal(
            loc: trace.constant(0, shape: [2]), scale: trace.constant([1, 2], shape: [2])),
          BoxUniform(lower: trace.constant(-1, shape: [1]), upper: trace.constant(2, shape: [1])),
        ])
      ),
    ]
  }

  private func expectEqual(
    _ found: HostArray?, _ exact: [Double], _ tolerance: Double, _ name: String
  ) throws {
    let found = try #require(found).doubles
    #expect(found.count == exact.count)
    for (index, (a, b)) in zip(found, exact).enumerated() {
      let isEqual = a == b || abs(a - b) <= tolerance * (1 + abs(b))
      #expect(isEqual, "\(name)[\(index)] is \(a), not \(b)")
    }
  }

  @Test("densities and distribution functions are Zuko's", arguments: [DType.f64, .f32])
  func scalarValues(dtype: DType) throws {
    let reference = try reference()
    let x = try #require(reference["x"]).doubles
    let function = trace([.rows("x")], dtype: dtype) { inputs in
      Self.scalars(inputs[0].trace).flatMap { name, distribution in
        let (lower, upper) = distribution.tails(inputs[0])
        return [
          ("\(name).log_prob", distribution.logProb(inputs[0])), ("\(name).cdf", lower),
          ("\(name).sum", lower + upper),
          ("\(name).back", distribution.quantile(lower: lower, upper: upper)),
        ]
      }
    }
    let result = try CompiledFunction(function.optimized())(
      ["x": HostArray(x, shape: [x.count])], rows: x.count)
    let tolerance = dtype == .f64 ? 3e-14 : 3e-6
    for name in reference.names where result[name] != nil {
      let exact = try #require(reference[name]).doubles
      try expectEqual(result[name], exact, tolerance, name)
    }
    for (name, _) in function.function.results.map({ ($0.name, $0.value) })
    where name.hasSuffix(".sum") {
      try expectEqual(result[name], x.map { _ in 1 }, tolerance, name)
    }
    // Within the support the quantile undoes the distribution function, up to its slope.
    for (name, _) in function.function.results.map({ ($0.name, $0.value) })
    where name.hasSuffix(".back") {
      let own = String(name.dropLast(5))
      let density = try #require(result["\(own).log_prob"]).doubles
      let back = try #require(result[name]).doubles
      for (index, value) in x.enumerated() where density[index] > -6 {
        let error = abs(back[index] - value) * Foundation.exp(density[index])
        #expect(error < 4 * tolerance, "\(name)[\(index)] is \(back[index]), not \(value)")
      }
    }
  }

  @Test("vectors: densities are Zuko's, -inf out of order and out of support")
  func vectorValues() throws {
    let reference = try reference()
    let v = try #require(reference["v"])
    let function = trace(
      [.rows("v", 3), .uniform("tril", 3, 3), .uniform("covariance", 3, 3)], dtype: .f64
    ) { inputs in
      Self.vectors(inputs[0].trace, inputs[1], inputs[2]).enumerated().map {
        ("\($0.offset)", $0.element.1.logProb(inputs[0]))
      }
    }
    let trace = Trace(name: "names")
    let names = trace {
      Self.vectors(
        trace, trace.uniform("t", [3, 3]), trace.uniform("c", [3, 3])
      ).map(\.0)
    }
    var inputs = ["v": HostArray(v.doubles, shape: v.shape)]
    for name in ["tril", "covariance"] {
      inputs[name] = HostArray(try #require(reference[name]).doubles, shape: [3, 3])
    }
    let result = try CompiledFunction(function.optimized())(inputs, rows: v.shape[0])
    for (index, name) in names.enumerated() {
      try expectEqual(
        result["\(index)"], try #require(reference["\(name).log_prob"]).doubles, 1e-13, name)
    }
  }

  @Test(
    "samples have the distribution that the distribution function says",
    arguments: [DType.f64, .f32])
  func samples(dtype: DType) throws {
    let function = trace([.seed()], dtype: dtype) { inputs in
      Self.scalars(inputs[0].trace).map { name, distribution in
        (name, distribution.cdf(distribution.sample(seed: inputs[0])))
      }
    }
    let rows = 20_000
    let result = try CompiledFunction(function.optimized())(
      ["seed": HostArray([1, 2] as [Int32], shape: [2])], rows: rows)
    for name in function.function.results.map(\.name) {
      // Kolmogorov and Smirnov's statistic; 1.95 is exceeded once in a thousand.
      let sorted = try #require(result[name]).doubles.sorted()
      var worst = 0.0
      for (index, p) in sorted.enumerated() {
        let (low, high) = (Double(index) / Double(rows), Double(index + 1) / Double(rows))
        worst = max(worst, abs(p - low), abs(p - high))
      }
      #expect(worst * Double(rows).squareRoot() < 1.95, "\(name)")
    }
  }

  @Test("sorted draws are in order, and each is distributed as its order statistic")
  func order() throws {
    let function = trace([.seed()], dtype: .f64) { inputs in
      let normal = Normal(
        loc: inputs[0].trace.constant(0), scale: inputs[0].trace.constant(1))
      return [
        ("sort", Sort(normal, n: 4).sample(seed: inputs[0])),
        ("top", TopK(normal, k: 2, n: 4, descending: true).sample(seed: inputs[0])),
      ]
    }
    let rows = 40_000
    let result = try CompiledFunction(function.optimized())(
      ["seed": HostArray([3, 4] as [Int32], shape: [2])], rows: rows)
    let sort = try #require(result["sort"]).doubles
    let top = try #require(result["top"]).doubles
    // Expectations of normal order statistics of four (Harter, 1961).
    let exact = [-1.02937537, -0.29701138, 0.29701138, 1.02937537]
    for row in 0..<rows {
      #expect((0..<3).allSatisfy { sort[4 * row + $0] <= sort[4 * row + $0 + 1] })
      #expect(top[2 * row] >= top[2 * row + 1])
    }
    func mean(_ values: [Double], _ width: Int, _ column: Int) -> Double {
      var sum = 0.0
      for row in 0..<rows { sum += values[width * row + column] }
      return sum / Double(rows)
    }
    for column in 0..<4 { #expect(abs(mean(sort, 4, column) - exact[column]) < 0.015) }
    #expect(abs(mean(top, 2, 0) - exact[3]) < 0.015)
    #expect(abs(mean(top, 2, 1) - exact[2]) < 0.015)
  }

  @Test("a cut far in the tail keeps its digits")
  func tail() throws {
    for (dtype, tolerance) in [(DType.f64, 1e-10), (.f32, 2e-4)] {
      let function = trace([.rows("u")], dtype: dtype) { inputs in
        let number = { inputs[0].trace.constant($0) }
        let normal = Normal(loc: number(0), scale: number(1))
        let cuts = [
          Truncated(normal, lower: number(8), upper: number(9)),
          Truncated(normal, lower: number(8), upper: number(.infinity)),
          Truncated(normal, lower: number(-.infinity), upper: number(-8)),
        ]
        return cuts.enumerated().flatMap { index, cut in
          let x = cut.icdf(inputs[0])
          return [
            ("x\(index)", x), ("cdf\(index)", cut.cdf(x)), ("log_prob\(index)", cut.logProb(x)),
          ]
        }
      }
      let u = [0.01, 0.25, 0.5, 0.75, 0.99]
      let result = try CompiledFunction(function.optimized())(
        ["u": HostArray(u, shape: [5])], rows: 5)
      for index in 0..<3 {
        try expectEqual(result["cdf\(index)"], u, 40 * tolerance, "cdf\(index)")
        let x = try #require(result["x\(index)"]).doubles
        #expect(x.allSatisfy { (8...9).contains(abs($0)) })
        // log p(x) = -x²/2 - log ∫ exp(-t²/2) dt.
        let far = index == 0 ? Foundation.erfc(9 / 2.0.squareRoot()) : 0
        let mass = (Foundation.erfc(8 / 2.0.squareRoot()) - far) * (Double.pi / 2).squareRoot()
        try expectEqual(
          result["log_prob\(index)"], x.map { -$0 * $0 / 2 - Foundation.log(mass) },
          tolerance, "log_prob\(index)")
      }
    }
  }

  @Test("the gradient of a density and of a sample with respect to the shape β")
  func shapeGradient() throws {
    let reference = try reference()
    let x = try #require(reference["x"]).doubles
    let density = try compileGradient(
      [.rows("x"), .uniform("beta")], withRespectTo: ["beta"], dtype: .f64
    ) { GeneralizedNormal(beta: $0[1]).logProb($0[0]).sum() }
    let sample = try compileGradient(
      [.rows("u"), .uniform("beta")], withRespectTo: ["beta"], dtype: .f64
    ) { square(GeneralizedNormal(beta: $0[1]).icdf($0[0])).sum() }
    let u = (0..<41).map { (Double($0) + 0.5) / 41 }
    for beta in Self.betas {
      func run(_ function: CompiledFunction, _ name: String, _ values: [Double], _ beta: Double)
        throws -> (Double, Double)
      {
        let result = try function(
          [name: HostArray(values, shape: [values.count]), "beta": HostArray([beta], shape: [])],
          rows: values.count)
        return (result["result"]?.doubles[0] ?? .nan, result["grad.beta"]?.doubles[0] ?? .nan)
      }
      let exact = try #require(reference["generalized.\(beta).gradient"]).doubles[0]
      let found = try run(density, "x", x, beta).1
      #expect(abs(found - exact) < 1e-11 * (1 + abs(exact)), "\(beta): \(found) \(exact)")
      let h = 1e-5 * beta
      let slope = try run(sample, "u", u, beta).1
      let difference =
        try (run(sample, "u", u, beta + h).0 - run(sample, "u", u, beta - h).0) / (2 * h)
      #expect(abs(slope - difference) < 1e-6 * (1 + abs(slope)), "\(beta): \(slope) \(difference)")
    }
  }

  @Test("a flow with a generalized normal base is described, scored and sampled")
  func base() throws {
    let model = try Model(
      FlowDescription(
        text: """
          {"type": "Flow", "features": 2, "transform": [{"type": "MaskedAutoregressiveTransform", \
          "features": 2}], "base": {"type": "UnconditionalDistribution", \
          "f": {"type": "GeneralizedNormal"}, "buffer": true}}
          """))
    #expect(model.values["base.beta"]?.doubles == [2, 2])
    let sampler = try compile(model.trace(.sample).optimized(), model)
    let drawn = try sampler(["seed": HostArray([1, 1] as [Int32], shape: [2])], rows: 1000)
    let score = try compile(model.trace(.logProb).optimized(), model)
    let again = try score(["x": try #require(drawn["x"])], rows: 1000)["log_prob"]?.doubles ?? []
    for (a, b) in zip(drawn["log_prob"]?.doubles ?? [], again) { #expect(abs(a - b) < 1e-4) }
  }
}
