import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Planar transforms against their formula, and their inverses.
@Suite("planar transforms") struct PlanarTests {
  static let weight = [0.7, -1.1, 0.4]
  static let scale = [-1.5, 0.8, 2.0]
  static let bias = 0.3

  /// `x + û h(w·x + b)` and log|det|, straight from the paper and flowjax's constraint.
  private func exact(_ x: [Double], _ slope: Double?) -> (y: [Double], ladj: Double) {
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    let product = dot(Self.weight, Self.scale)
    let wanted = -1 + log(1 + log1p(exp(product)))
    let factor = (wanted - product) / dot(Self.weight, Self.weight)
    let u = zip(Self.scale, Self.weight).map { $0 + factor * $1 }
    let z = dot(Self.weight, x) + Self.bias
    let (h, derivative) =
      slope.map { z < 0 ? ($0 * z, $0) : (z, 1) } ?? (tanh(z), 1 - tanh(z) * tanh(z))
    return (zip(x, u).map { $0 + $1 * h }, log(abs(1 + dot(Self.weight, u) * derivative)))
  }

  @Test("values are those of the formula, the inverse undoes", arguments: [nil, 0.2])
  func formula(slope: Double?) throws {
    let function = trace([.rows("x", 3)], dtype: .f64) { inputs in
      let trace = inputs[0].trace
      let transform = PlanarTransform(
        weight: trace.constant(Self.weight, shape: [3]),
        scale: trace.constant(Self.scale, shape: [3]), bias: trace.constant(Self.bias),
        negativeSlope: slope)
      let (y, ladj) = transform.callAndLadj(inputs[0])
      let (x, back) = transform.inverseAndLadj(y)
      return [("y", y), ("ladj", ladj), ("again", x), ("back", back)]
    }
    var generator = SeededGenerator(seed: 2)
    let rows = 64
    let x = (0..<3 * rows).map { _ in 3 * generator.normal() }
    let found = try CompiledFunction(function.optimized())(
      ["x": HostArray(x, shape: [rows, 3])], rows: rows)
    func values(_ name: String) throws -> [Double] { try #require(found[name]).doubles }
    let (y, ladj) = (try values("y"), try values("ladj"))
    let (again, back) = (try values("again"), try values("back"))
    for row in 0..<rows {
      let wanted = exact(Array(x[3 * row..<3 * row + 3]), slope)
      for column in 0..<3 {
        // Rounding of float64; the inverse magnifies it by the reciprocal of the determinant, 1/0.2 at most.
        #expect(abs(y[3 * row + column] - wanted.y[column]) < 1e-13 * (1 + abs(wanted.y[column])))
        #expect(abs(again[3 * row + column] - x[3 * row + column]) < 1e-12)
      }
      #expect(abs(ladj[row] - wanted.ladj) < 1e-12)
      #expect(abs(back[row] + wanted.ladj) < 1e-11)
    }
  }

  @Test("a description takes free parameters, or a network for a context")
  func description() throws {
    func text(_ context: Int, _ arguments: String) -> String {
      """
      {"type": "Flow", "features": 3, "context": \(context), "transform": [
        {"type": "LazyPlanarTransform", "features": 3, "context": \(context)\(arguments)}],
       "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}}}
      """
    }
    let free = try Model(FlowDescription(text: text(0, #", "negative_slope": 0.5"#)))
    #expect(free.parameters.first?.name == "transform.transforms.0.phi")
    #expect(free.parameters.first?.shape == [7])
    let given = try Model(
      FlowDescription(
        text: text(2, #", "network": {"type": "MLP", "hidden_features": [4]}"#)))
    #expect(given.parameters.map(\.name).contains("transform.transforms.0.hyper.2.bias"))
    let error = #expect(throws: FlowError.self) {
      try Model(FlowDescription(text: text(0, #", "negative_slope": 0"#)))
    }
    #expect(
      error.map { "\($0)" }?.contains("negative_slope: found 0.0, expected a number above 0")
        == true)
  }
}
