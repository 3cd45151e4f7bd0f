import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Bases of other libraries: densities against their formulas, samples against distribution functions.
@Suite("standard bases") struct StandardBaseTests {
  private struct Case {
    let name: String
    let make: (Trace) -> any Distribution
    let logProb: (Double) -> Double
    let below: (Double) -> Double
  }

  private let cases = [
    Case(
      name: "Cauchy",
      make: { StandardStudentT(df: $0.constant([1], shape: [1])) },
      logProb: { -log(Double.pi) - log1p($0 * $0) }, below: { 0.5 + atan($0) / .pi }),
    Case(
      // Three degrees of freedom: 2 / (π √3 (1 + x²/3)²).
      name: "Student",
      make: { StandardStudentT(df: $0.constant([3], shape: [1])) },
      logProb: { log(2 / (Double.pi * 3.0.squareRoot())) - 2 * log1p($0 * $0 / 3) },
      below: {
        let t = $0 / 3.0.squareRoot()
        return 0.5 + (t / (1 + t * t) + atan(t)) / .pi
      }),
    Case(
      name: "logistic", make: { _ in StandardLogistic(features: 1) },
      logProb: { -abs($0) - 2 * log1p(exp(-abs($0))) }, below: { 1 / (1 + exp(-$0)) }),
    Case(
      name: "Laplace", make: { _ in StandardLaplace(features: 1) },
      logProb: { -abs($0) - log(2) }, below: { $0 < 0 ? exp($0) / 2 : 1 - exp(-$0) / 2 }),
    Case(
      name: "Gumbel", make: { _ in StandardGumbel(features: 1) },
      logProb: { -$0 - exp(-$0) }, below: { exp(-exp(-$0)) }),
  ]

  @Test("densities are the formulas, samples follow the distribution functions")
  func formulas() throws {
    let rows = 4000
    for test in cases {
      let function = trace([.rows("x", 1), .seed()], dtype: .f64) { inputs in
        let base = test.make(inputs[0].trace)
        return [("log_prob", base.logProb(inputs[0])), ("x", base.sample(seed: inputs[1]))]
      }
      let x = (0..<rows).map { 60 * (Double($0) + 0.5) / Double(rows) - 20 }
      let found = try CompiledFunction(function.optimized())(
        ["x": HostArray(x, shape: [rows, 1]), "seed": HostArray([Int32(3), 4], shape: [2])],
        rows: rows)
      let values = try #require(found["log_prob"]).doubles
      for (value, x) in zip(values, x) {
        let exact = test.logProb(x)
        #expect(abs(value - exact) < 1e-12 * (1 + abs(exact)), "\(test.name) at \(x)")
      }
      let sorted = try #require(found["x"]).doubles.sorted()
      let distance = sorted.enumerated().map { index, x in
        abs(test.below(x) - (Double(index) + 0.5) / Double(rows))
      }
      // Kolmogorov's distance of 4000 draws exceeds 0.03 with probability 0.001.
      #expect(distance.max() ?? 1 < 0.031, "\(test.name)")
    }
  }
}
