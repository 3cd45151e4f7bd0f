import FlowIR
import FlowPasses
import FlowRuntime
import Flows
import Foundation
import Testing

/// Rows with a NaN in them, for every kind of flow.
@Suite struct MissingNumberTests {
  static let kinds = [
    "MAF", "NSF", "NCSF", "NICE", "RealNVP", "SOSPF", "BPF", "GF", "NAF", "UNAF", "CNF", "GMM",
  ]

  /// Two features, a context of two; the first row and the third have a NaN in their context.
  @Test("a NaN in a row's context makes all its results NaN, and no other row's", arguments: kinds)
  func context(kind: String) throws {
    let sizes =
      switch kind {
      case "GMM": ""
      case "CNF": #", "hidden_features": [4]"#
      case "NAF", "UNAF":
        #", "transforms": 1, "hidden_features": [4], "network": {"hidden_features": [4]}"#
      default: #", "transforms": 1, "hidden_features": [4]"#
      }
    let text = #"{"type": "\#(kind)", "features": 2, "context": 2\#(sizes)}"#
    let model = try Model(FlowDescription(text: text), seed: 3)
    let context = HostArray([Double.nan, 0.3, 0.1, 0.2, 0.1, .nan], shape: [3, 2])
    // The last two rows lie outside a spline's box, where the map does not depend on the context.
    let rows = HostArray([0.1, -0.2, 9, 9, 9, 9] as [Double], shape: [3, 2])
    let functions: [FlowFunction] =
      [.logProb, .logProbGradient, .sample] + (kind == "GMM" ? [] : [.transform, .inverse])
    for function in functions {
      let compiled = try CompiledFunction(model.function(function, dtype: .f64)).bind(model.values)
      let inputs: [String: HostArray] =
        switch function {
        case .sample: ["context": context, "seed": HostArray([1, 0] as [Int32], shape: [2])]
        case .inverse: ["context": context, "z": rows]
        default: ["context": context, "x": rows]
        }
      for (name, result) in try compiled(inputs, rows: 3) {
        let width = result.doubles.count / 3
        for row in 0..<3 {
          let numbers = result.doubles[row * width..<(row + 1) * width]
          #expect(
            numbers.allSatisfy { number in number.isNaN == (row != 1) },
            "\(function) \(name), row \(row): \(Array(numbers))")
        }
      }
    }
  }

  @Test("a NaN in one feature makes the whole row NaN", arguments: ["NSF", "MAF", "BPF"])
  func feature(kind: String) throws {
    let text = #"{"type": "\#(kind)", "features": 3, "transforms": 1, "hidden_features": [4]}"#
    let model = try Model(FlowDescription(text: text), seed: 3)
    for function in [FlowFunction.logProb, .logProbGradient, .transform, .inverse] {
      let compiled = try CompiledFunction(model.function(function, dtype: .f64)).bind(model.values)
      let rows = HostArray([0.1, 0.2, .nan, 0.3, 0.2, 0.1] as [Double], shape: [2, 3])
      for (name, result) in try compiled([function == .inverse ? "z" : "x": rows], rows: 2) {
        let values = result.doubles
        let half = values.count / 2
        #expect(values[..<half].allSatisfy { $0.isNaN }, "\(function) \(name)")
        #expect(values[half...].allSatisfy { $0.isFinite }, "\(function) \(name)")
      }
    }
  }
}

@Suite struct OrdinaryRowTests {
  @Test("a step of an ODE that ends at its end by rounding has not failed")
  func stepEndsByRounding() throws {
    let path = try #require(
      Bundle.module.path(
        forResource: "cnf-step-ends-by-rounding", ofType: "safetensors", inDirectory: "Fixtures"))
    let model = try Model(path: path)
    let score = try CompiledFunction(model.trace(.logProb).optimized()).bind(model.values)
    let x = HostArray([Double(-0x1.d42336p-2)], shape: [1, 1])
    let found = try #require(score(["x": x], rows: 1)["log_prob"]?.doubles)
    // Zuko in float64 with tight tolerances: -0.9819.
    #expect(abs(found[0] + 0.9819) < 1e-3, "\(found)")
  }
}
