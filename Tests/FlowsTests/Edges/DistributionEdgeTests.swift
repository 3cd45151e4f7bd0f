import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Distributions with extreme parameters, and the derivatives of their samples.
@Suite("distributions at their edges") struct DistributionEdgeTests {
  private struct Case: Sendable {
    let name: String
    let parameters: [Double]
    let make: @Sendable ([Tensor]) -> any Distribution
  }

  private static func normal(_ p: [Tensor]) -> Normal { Normal(loc: p[0], scale: p[1]) }

  private static func vector(_ p: [Tensor]) -> Tensor {
    Tensor.concatenate(p.map { $0.reshaped([1]) })
  }

  private static let cases = [
    Case(name: "DiagNormal", parameters: [0.3, -1, 1.2, 0.4]) {
      DiagNormal(loc: vector(Array($0[0..<2])), scale: vector(Array($0[2..<4])))
    },
    Case(name: "MultivariateNormal", parameters: [0.3, -1, 1.2, 0.7, 0.4]) { p in
      let tril = vector([p[2], p[2] * 0, p[3], p[4]]).reshaped([2, 2])
      return MultivariateNormal(loc: vector([p[0], p[1]]), scaleTril: tril)
    },
    Case(name: "BoxUniform", parameters: [-0.4, 1.3]) {
      BoxUniform(lower: vector([$0[0]]), upper: vector([$0[1]]))
    },
    Case(name: "GeneralizedNormal", parameters: [1.7]) {
      Independent(GeneralizedNormal(beta: $0[0]), features: 2)
    },
    Case(name: "Joint", parameters: [0.3, 1.2, -0.4, 1.3]) {
      Joint([
        Independent(normal($0), features: 2),
        BoxUniform(lower: vector([$0[2]]), upper: vector([$0[3]])),
      ])
    },
    Case(name: "Mixture", parameters: [0.3, -1, 1.2, 0.4]) {
      Mixture(
        base: DiagNormalBatch(
          loc: vector([$0[0], $0[1]]).reshaped([2, 1]),
          scale: vector([$0[2], $0[3]]).reshaped([2, 1])),
        logits: $0[0].trace.constant([0.2, -0.3], shape: [2]))
    },
    Case(name: "TransformedUniform", parameters: [-2, 1.5]) {
      Independent(
        TransformedUniform(SigmoidTransform(), lower: $0[0], upper: $0[1]), features: 2)
    },
    Case(name: "Truncated", parameters: [0.3, 1.2, -0.4, 1.3]) {
      Independent(Truncated(normal($0), lower: $0[2], upper: $0[3]), features: 2)
    },
    Case(name: "Sort", parameters: [0.3, 1.2]) { Sort(normal($0), n: 3) },
    Case(name: "TopK", parameters: [0.3, 1.2]) { TopK(normal($0), k: 2, n: 4, descending: true) },
    Case(name: "Minimum", parameters: [0.3, 1.2]) {
      Independent(Minimum(normal($0), n: 5), features: 2)
    },
    Case(name: "Maximum", parameters: [0.3, 1.2]) {
      Independent(Maximum(normal($0), n: 5), features: 2)
    },
  ]

  @Test("the derivative of a mean over samples is its slope; densities come from the same pass")
  func derivatives() throws {
    let cases = Self.cases
    let inputs = cases.indices.map { Input.uniform("p\($0)", cases[$0].parameters.count) }
    let traced = trace(inputs + [.seed()], dtype: .f64) { tensors -> [(String, Tensor)] in
      var total = tensors[0].trace.constant(0)
      var results: [(String, Tensor)] = []
      for (index, test) in cases.enumerated() {
        let p = (0..<test.parameters.count).map { tensors[index].slice($0, $0 + 1).reshaped([]) }
        let distribution = test.make(p)
        let (x, density) = distribution.rsampleAndLogProb(seed: tensors[cases.count])
        let mean = (sin(x).sumOfElements() + 0.1 * density).mean()
        total = total + mean
        results += [
          ("mean\(index)", mean), ("density\(index)", density),
          ("again\(index)", distribution.logProb(x)),
        ]
      }
      return results + [("total", total)]
    }
    let compiled = try CompiledFunction(
      traced.gradient(of: "total", withRespectTo: cases.indices.map { "p\($0)" }))
    let rows = 64
    func run(_ step: Double, _ element: Int) throws -> [String: [Double]] {
      var arrays = ["seed": HostArray([5, 6] as [Int32], shape: [2])]
      for (index, test) in cases.enumerated() {
        var moved = test.parameters
        if element < moved.count { moved[element] += step }
        arrays["p\(index)"] = HostArray(moved, shape: [moved.count])
      }
      return try compiled(arrays, rows: rows).mapValues(\.doubles)
    }
    let centre = try run(0, 0)
    for (index, test) in cases.enumerated() {
      let (density, again) = (centre["density\(index)"] ?? [], centre["again\(index)"] ?? [])
      #expect(density.count == rows && density.allSatisfy(\.isFinite), "\(test.name)")
      for (a, b) in zip(density, again) { #expect(abs(a - b) < 1e-11, "\(test.name)") }
    }
    for element in 0..<5 {
      // The error of the difference is h² times a third derivative, and rounding over h.
      let h = 1e-5
      let (up, down) = try (run(h, element), run(-h, element))
      for (index, test) in cases.enumerated() where element < test.parameters.count {
        let slope = centre["grad.p\(index)"]?[element] ?? .nan
        let difference =
          ((up["mean\(index)"]?[0] ?? .nan) - (down["mean\(index)"]?[0] ?? .nan)) / (2 * h)
        #expect(
          abs(slope - difference) < 1e-7 * (1 + abs(slope)),
          "\(test.name) \(element): \(slope) \(difference)")
      }
    }
  }

  @Test("samples lie in the support although they round", arguments: [DType.f32, .f64])
  func support(dtype: DType) throws {
    let function = trace([.seed()], dtype: dtype) { inputs -> [(String, Tensor)] in
      let trace = inputs[0].trace
      func number(_ x: Double) -> Tensor { trace.constant(x) }
      let normal = Normal(loc: number(0), scale: number(1))
      let list: [any Distribution] = [
        BoxUniform(
          lower: trace.constant(1000, shape: [1]), upper: trace.constant(1001, shape: [1])),
        BoxUniform(lower: trace.constant(-5, shape: [1]), upper: trace.constant(0, shape: [1])),
        Independent(Uniform(lower: number(-1001), upper: number(-1000)), features: 1),
        Independent(Truncated(normal, lower: number(10), upper: number(10.0001)), features: 1),
        Independent(Truncated(normal, lower: number(-12), upper: number(-11.5)), features: 1),
        Independent(Truncated(normal, lower: number(9), upper: number(.infinity)), features: 1),
        Independent(
          TransformedUniform(
            SigmoidTransform(), lower: number(-.infinity), upper: number(.infinity)), features: 1),
        Independent(Minimum(normal, n: 1_000_000), features: 1), Sort(normal, n: 20),
      ]
      return list.enumerated().map { index, distribution in
        ("\(index)", distribution.sampleAndLogProb(seed: inputs[0]).logProb)
      }
    }
    let found = try CompiledFunction(function.optimized())(
      ["seed": HostArray([1, 2] as [Int32], shape: [2])], rows: 300_000)
    for (name, values) in found {
      let bad = values.doubles.filter { !$0.isFinite }
      #expect(bad.isEmpty, "\(name): \(bad.count) such as \(bad.first ?? 0)")
    }
  }

  @Test("far tails and order statistics of many draws keep their digits in float32")
  func tails() throws {
    func function(_ dtype: DType) throws -> CompiledFunction {
      let traced = trace([.rows("x")], dtype: dtype) { inputs -> [(String, Tensor)] in
        let (x, trace) = (inputs[0], inputs[0].trace)
        func number(_ x: Double) -> Tensor { trace.constant(x) }
        let normal = Normal(loc: number(0), scale: number(1))
        let box = TransformedUniform(
          SigmoidTransform(), lower: number(-.infinity), upper: number(.infinity))
        return [
          ("minimum", Minimum(normal, n: 1_000_000_000).logProb(x - 4)),
          ("maximum", Maximum(normal, n: 1_000_000_000).logProb(x + 4)),
          ("top", TopK(normal, k: 1, n: 1_000_000).logProb((x - 4).reshaped([1]))),
          ("truncated", Truncated(normal, lower: number(8), upper: number(13)).logProb(x + 10)),
          ("sigmoid", box.logProb(20 * x)),
          ("generalized", GeneralizedNormal(beta: number(0.5)).logProb(1e4 * x)),
        ]
      }
      return try CompiledFunction(traced.optimized())
    }
    let x = (-20...20).map { Double(Float(0.09 * Double($0))) }
    let input = ["x": HostArray(x, shape: [x.count])]
    let (single, double) = try (
      function(.f32)(input, rows: x.count), function(.f64)(input, rows: x.count)
    )
    for (name, exact) in double {
      for (index, value) in exact.doubles.enumerated() {
        let found = single[name]?.doubles[index] ?? .nan
        // x itself is rounded after a sum or product; the slope of a log-density is at most 40 here,
        // the relative error of a tail 1e-6.
        let allowed = 1e-4 + 4e-6 * abs(value)
        #expect(
          found == value || abs(found - value) < allowed,
          "\(name) at \(x[index]): \(found) \(value)")
        #expect(value.isFinite || name == "truncated" || name.hasSuffix("imum") || name == "top")
      }
    }
  }

  @Test("a mixture with huge logits is finite, and never draws a component without weight")
  func mixture() throws {
    let count = 300
    let function = trace([.rows("x", 1), .seed()]) { inputs -> [(String, Tensor)] in
      let trace = inputs[0].trace
      // The last component lies far away and has no weight.
      let loc = (0..<count).map { $0 == count - 1 ? 1e6 : 0 }
      let logits = (0..<count).map { $0 == count - 1 ? -Double.infinity : 0 }
      let base = DiagNormalBatch(
        loc: trace.constant(loc, shape: [count, 1]), scale: trace.constant(1, shape: [count, 1]))
      let small = DiagNormalBatch(
        loc: trace.constant([0, 1], shape: [2, 1]), scale: trace.constant(1, shape: [2, 1]))
      let mixture = Mixture(base: base, logits: trace.constant(logits, shape: [count]))
      let huge = Mixture(base: small, logits: trace.constant([3e38, -3e38], shape: [2]))
      return [
        ("sample", mixture.sample(seed: inputs[1])), ("density", huge.logProb(inputs[0])),
      ]
    }
    let rows = 400_000
    let found = try CompiledFunction(function.optimized())(
      [
        "x": HostArray(Array(repeating: 0.5, count: rows), shape: [rows, 1]),
        "seed": HostArray([1, 2] as [Int32], shape: [2]),
      ], rows: rows)
    let sample = try #require(found["sample"]).doubles
    #expect(sample.allSatisfy { abs($0) < 10 })
    let density = try #require(found["density"]).doubles
    #expect(density.allSatisfy { abs($0 + 0.125 + 0.9189385) < 1e-6 })
  }

  @Test("an infinite row has no density under a normal distribution with covariances")
  func infinite() throws {
    let score = try compile(.rows("x", 2)) { x in
      let trace = x.trace
      return MultivariateNormal(
        loc: trace.constant(0, shape: [2]),
        scaleTril: trace.constant([1, 0, 0.5, 2], shape: [2, 2])
      ).logProb(x)
    }
    let inf = Float.infinity
    let found = try score(
      [[inf, 0], [0, -inf], [inf, -inf], [inf, inf], [.nan, inf], [1e30, -1e30], [0, 0]])
    #expect(found[0..<4].allSatisfy { $0 == -inf } && found[5] == -inf)
    #expect(found[4].isNaN && abs(found[6] + log(4 * .pi)) < 1e-6)
  }
}
