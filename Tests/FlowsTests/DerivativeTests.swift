import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

@Suite struct DerivativeTests {
  @Test(
    "the Jacobian's determinant is the one that the transform gives",
    arguments: ["MAF", "NSF", "NICE", "SOSPF", "BPF", "GF", "NAF", "UNAF", "CNF"], [false, true])
  func determinant(type: String, isInverse: Bool) throws {
    let precise = type == "CNF" ? #", "atol": 1e-10, "rtol": 1e-10"# : ""
    let model = try Model(
      FlowDescription(
        text: #"{"type": "\#(type)", "features": 3, "hidden_features": [8, 8]\#(precise)}"#),
      seed: 4)
    let function = trace([.rows("x", 3)], dtype: .f64) { inputs in
      let forward = model.flow.transform(nil)
      let transform = isInverse ? InverseTransform(forward) : forward
      let x = isInverse ? forward(inputs[0]) : inputs[0]
      return [
        ("jacobian", transform.jacobian(x)),
        ("ladj", transform.callAndLadj(x).ladj.sumOfElements()),
      ]
    }
    var inputs = model.values
    let rows = 5
    var generator = SeededGenerator(seed: 1)
    inputs["x"] = HostArray((0..<3 * rows).map { _ in generator.normal() }, shape: [rows, 3])
    let result = try CompiledFunction(function.optimized())(inputs, rows: rows)
    let jacobian = try #require(result["jacobian"]?.doubles)
    let ladj = try #require(result["ladj"]?.doubles)
    for row in 0..<rows {
      let found = logDeterminant(jacobian[9 * row..<9 * row + 9], size: 3)
      // The derivative of a quadrature is the integrand only up to the error of the quadrature.
      let tolerance = type == "UNAF" ? 1e-5 : 1e-8
      #expect(abs(found - ladj[row]) < tolerance, "\(found) \(ladj[row])")
    }
  }

  @Test("what is read twice gets both gradients, rows included")
  func gatherRepeated() throws {
    let compiled = try compileGradient([.rows("x", 3)], dtype: .f64) { inputs in
      let places = inputs[0].gather([2, 0, 2, 2])
      return (places * places.trace.constant([1, 10, 100, 1000], shape: [4])).sum(axis: 0)
    }
    let x = HostArray([0.5, 1, 2, 3, 4, 5] as [Double], shape: [2, 3])
    #expect(try compiled(["x": x], rows: 2)["grad.x"]?.doubles == [10, 0, 1101, 10, 0, 1101])
  }

  @Test("an autoregressive Jacobian is triangular in the order of the features")
  func triangular() throws {
    let scope = ModuleScope.root()
    let lazy = try MaskedAutoregressiveTransform(features: 4, order: [2, 0, 3, 1], in: scope)
    let values = initialValues(of: scope.registry.parameters, seed: 1)
    let compiled = try compile(.rows("x", 4), parameters: values) { lazy(nil).jacobian($0) }
    let jacobian = try compiled([[0.3, -1, 2, 0.5]])
    let order = [2, 0, 3, 1]
    for i in 0..<4 {
      for j in 0..<4 {
        let entry = jacobian[4 * i + j]
        #expect(order[j] <= order[i] ? entry != 0 : entry == 0, "entry \(i), \(j) is \(entry)")
      }
    }
  }

  @Test("Hutchinson's estimate of a log-determinant is exact on average")
  func hutchinson() throws {
    let scope = ModuleScope.root()
    let network = MLP(3, 3, hiddenFeatures: [8], activation: .tanh, in: scope)
    func f(_ t: Tensor, _ x: Tensor) -> Tensor { network(x) * (1 + t) }
    let function = trace([.rows("x", 3), .seed()], dtype: .f64) { inputs in
      let (x, seed) = (inputs[0], inputs[1])
      let (start, end) = (x.trace.constant(0), x.trace.constant(1))
      let probe = x.trace.random(.normal, shape: [3], seed: seed)
      let exact = FreeFormJacobianTransform(from: start, to: end, f: f)
      let estimate = FreeFormJacobianTransform(from: start, to: end, probe: probe, f: f)
      return [
        ("exact", exact.callAndLadj(x).ladj), ("estimate", estimate.callAndLadj(x).ladj),
        ("same", exact(x) - estimate(x)),
        ("inverse", estimate.inverseAndLadj(estimate(x)).ladj),
      ]
    }
    let rows = 20_000
    var inputs = initialValues(of: scope.registry.parameters, seed: 3)
    inputs["x"] = HostArray((0..<rows).flatMap { _ in [0.5, -1, 0.2] }, shape: [rows, 3])
    inputs["seed"] = HostArray([1, 2] as [Int32], shape: [2])
    let result = try CompiledFunction(function.optimized())(inputs, rows: rows)
    let exact = try #require(result["exact"]?.doubles)
    let estimate = try #require(result["estimate"]?.doubles)
    let inverse = try #require(result["inverse"]?.doubles)
    let mean = estimate.reduce(0, +) / Double(rows)
    let variance = estimate.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows)
    #expect(variance > 1e-3)
    #expect(abs(mean - exact[0]) < 4 * (variance / Double(rows)).squareRoot())
    #expect(result["same"]?.doubles.allSatisfy { abs($0) < 1e-5 } == true)
    #expect(zip(inverse, estimate).allSatisfy { abs($0 + $1) < 1e-4 })
  }
}
