import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Whole flows with large parameters: samples and densities from one pass, inverses far out, rows that
/// are missing or infinite.
@Suite("flows at their edges") struct FlowEdgeTests {
  static let types = [
    "MAF", "NSF", "NCSF", "NICE", "RealNVP", "SOSPF", "BPF", "GF", "NAF", "UNAF", "CNF", "GMM",
  ]

  /// A flow of three features, compiled: density and gradient at `x`, the transform of `x`, the inverse
  /// of `z`, and samples.
  private struct Compiled {
    let function: CompiledFunction
    var parameters: [String: HostArray] = [:]
    let epsilon: Double

    init(_ type: String, _ dtype: DType) throws {
      let network = type == "GMM" ? "" : #", "hidden_features": [12, 12]"#
      // Between transforms of SOSPF, NAF and UNAF stands a soft clip, and GF's values are bounded, so
      // that with two of them some numbers are never reached; with one all are.
      let isBounded = ["SOSPF", "NAF", "UNAF", "GF"].contains(type)
      let size =
        ["GMM", "CNF"].contains(type) ? "" : #", "transforms": \#(isBounded ? 1 : 2)"#
      let model = try Model(
        FlowDescription(text: #"{"type": "\#(type)", "features": 3\#(network)\#(size)}"#), seed: 3)
      let traced = trace([.rows("x", 3), .rows("z", 3), .seed()], dtype: dtype) { inputs in
        let flow = model.flow.normalizingFlow(nil)
        let (z, ladj) = flow.transform.callAndLadj(inputs[0])
        let (back, inverse) = flow.transform.inverseAndLadj(inputs[1])
        let (sample, density) = flow.sampleAndLogProb(seed: inputs[2])
        return [
          ("log_prob", flow.logProb(inputs[0])), ("y", z), ("ladj", Self.perRow(ladj, inputs[0])),
          ("back", back), ("inverse", Self.perRow(inverse, inputs[1])), ("sample", sample),
          ("density", density),
        ]
      }
      function = try CompiledFunction(
        traced.gradient(of: "log_prob", withRespectTo: ["x"]))
      var generator = SeededGenerator(seed: 11)
      for parameter in model.parameters {
        guard let array = model.values[parameter.name] else { continue }
        let spread = parameter.isTrainable && type != "CNF" ? 0.3 : 0
        parameters[parameter.name] = HostArray(
          array.doubles.map { $0 + spread * generator.normal() }, shape: array.shape)
      }
      epsilon = dtype == .f32 ? Double(Float.ulpOfOne) : Double.ulpOfOne
    }

    /// The sum, one a row even where it is the same for all.
    private static func perRow(_ ladj: Tensor, _ x: Tensor) -> Tensor {
      x.slice(0, 1).reshaped([]) * 0 + ladj.sumOfElements()
    }

    func callAsFunction(x: [Double], z: [Double]? = nil) throws -> [String: [Double]] {
      let rows = x.count / 3
      var inputs = parameters
      inputs["x"] = HostArray(x, shape: [rows, 3])
      inputs["z"] = HostArray(z ?? x, shape: [rows, 3])
      inputs["seed"] = HostArray([3, 4] as [Int32], shape: [2])
      return try function(inputs, rows: rows).mapValues(\.doubles)
    }
  }

  @Test(
    "a sample's density is what scoring it gives; NaN and infinite rows leave others untouched",
    arguments: types, [DType.f32])
  func samples(type: String, dtype: DType) throws {
    let flow = try Compiled(type, dtype)
    let rows = 1000
    let drawn = try flow(x: Array(repeating: 0, count: 3 * rows))
    let (x, density) = (try #require(drawn["sample"]), try #require(drawn["density"]))
    let scored = try flow(x: x)
    let (again, gradient) = (try #require(scored["log_prob"]), try #require(scored["grad.x"]))
    // Steps of an ODE there and back are good to its tolerances, not to rounding.
    let solver = type == "CNF" ? 1e-4 : 0
    for row in 0..<rows {
      let own = (3 * row)..<(3 * row + 3)
      #expect(x[own].allSatisfy { $0.isFinite } && density[row].isFinite, "\(type) \(x[own])")
      #expect(gradient[own].allSatisfy { $0.isFinite }, "\(type) \(x[own])")
      // The sample is rounded, which moves its density as the gradient says.
      let moved = own.reduce(0.0) { $0 + abs(gradient[$1]) * (1 + abs(x[$1])) }
      let allowed = 256 * flow.epsilon * (1 + abs(density[row]) + moved) + solver * (1 + moved)
      let error = abs(density[row] - again[row])
      #expect(error <= allowed, "\(type) \(x[own]): \(density[row]) \(again[row])")
    }
    // Every seventh row is missing, every eleventh infinite.
    var broken = x
    for row in 0..<rows {
      if row % 7 == 3 { broken[3 * row + row % 3] = .nan }
      if row % 11 == 5 { broken[3 * row + (row + 1) % 3] = row % 2 == 0 ? .infinity : -.infinity }
    }
    let found = try flow(x: broken)
    for name in ["log_prob", "y", "ladj", "back", "inverse", "grad.x"] {
      let (a, b) = (try #require(scored[name]), try #require(found[name]))
      let width = a.count / rows
      for row in 0..<rows where row % 7 != 3 && row % 11 != 5 {
        let own = (width * row)..<(width * (row + 1))
        #expect(a[own] == b[own], "\(type) \(name) row \(row)")
      }
    }
    for row in 0..<rows {
      let value = found["log_prob"]?[row] ?? 0
      if row % 7 == 3 {
        #expect(value.isNaN, "\(type) row \(row) \(value)")
      } else if row % 11 == 5 {
        #expect(value == -.infinity, "\(type) row \(row) \(value)")
      }
    }
  }

  @Test(
    "inverse and transform compose to the identity within the condition of the map, up to 1e3",
    arguments: types)
  func roundTrip(type: String) throws {
    let exact = try Compiled(type, .f64)
    let single = try Compiled(type, .f32)
    var x: [Double] = []
    for size in [0, 0.01, 0.5, 1, 2, 3, 4.9, 5, 5.1, 7, 9.9, 10, 10.1, 12, 30, 100, 300, 1000] {
      for signs in 0..<8 {
        x += (0..<3).map { index in
          let part = index == 1 ? 0.37 * size : size
          return signs >> index & 1 == 0 ? part : -part
        }
      }
    }
    // What lies on circles ends there; their seams are no place for a network that is not periodic.
    if type == "NCSF" { x = x.map { remainder($0 + 0.1, 6.21) } }
    x = x.map { Double(Float($0)) }
    let rows = x.count / 3
    for flow in [exact, single] {
      let y = try #require(try flow(x: x)["y"])
      let back = try flow(x: x, z: y)
      let found = try #require(back["back"])
      // The condition: how far the exact inverse moves when y moves by some roundings.
      var reach = [Double](repeating: 0, count: x.count)
      let centre = try #require(try exact(x: x, z: y)["back"])
      for element in 0..<3 {
        for side in [-1.0, 1] {
          var moved = y
          for row in 0..<rows {
            let index = 3 * row + element
            moved[index] += 16 * side * flow.epsilon * (5 + abs(y[index]))
          }
          let other = try #require(try exact(x: x, z: moved)["back"])
          for index in reach.indices { reach[index] += abs(other[index] - centre[index]) }
        }
      }
      // Steps of an ODE there and back are good to its tolerances, not to rounding.
      let solver = type == "CNF" ? 2e-3 : 0
      var count = 0
      let (ladj, inverse) = (try #require(back["ladj"]), try #require(back["inverse"]))
      for row in 0..<rows {
        let own = (3 * row)..<(3 * row + 3)
        #expect(found[own].allSatisfy { $0.isFinite }, "\(type) \(x[own])")
        // A flat part, or the end of what a map reaches, has no inverse worth the name.
        let isClear = own.allSatisfy { reach[$0] < 1e-2 * (1 + abs(x[$0])) }
        // So far out the 32 nodes of UNAF's integrals no longer make an increasing function.
        let isReached =
          type == "UNAF"
          ? own.allSatisfy { abs(x[$0]) <= 100 }
          : type != "GF" || own.allSatisfy { abs(y[$0]) < 4.89 }
        guard isClear, isReached else { continue }
        count += 1
        let scale = 1 + (own.map { abs(x[$0]) }.max() ?? 0)
        var worst = 0.0
        for index in own {
          let allowed = 4 * reach[index] + (64 * flow.epsilon + solver) * scale
          let error = abs(found[index] - x[index])
          #expect(error <= allowed, "\(type) \(flow.epsilon) \(x[own]) \(found[own])")
          worst = max(worst, allowed)
        }
        let allowed = 64 * worst * (1 + abs(ladj[row]))
        let sum = abs(ladj[row] + inverse[row])
        #expect(sum <= allowed, "\(type) \(flow.epsilon) \(x[own]) \(sum) \(ladj[row])")
      }
      #expect(count >= rows / 3, "\(type) \(flow.epsilon): \(count) of \(rows) rows")
    }
  }
}
