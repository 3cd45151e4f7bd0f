import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Networks of angles, a base with uniform features, and transforms that are networks in blocks.
@Suite("parts for angles, and blocks") struct PeriodicTests {
  @Test("inputs on a circle become sines and cosines, the others stay in place")
  func features() throws {
    let modules = Parameterized { PeriodicFeatures(3, indices: [2, 0], in: $0) }
    let function = trace([.rows("x", 3)], dtype: .f64) { inputs in
      [("y", modules.base(inputs[0]))]
    }
    let found = try compile(function.optimized(), modules)(
      ["x": HostArray([0.3, 5, -1.2], shape: [1, 3])], rows: 1)["y"]
    let expected = [sin(0.3) + cos(0.3), 5, sin(-1.2) + cos(-1.2)]
    for (one, other) in zip(try #require(found).doubles, expected) {
      #expect(abs(one - other) < 1e-14)
    }
  }

  @Test("a base of uniform and normal features has their densities, and draws from them")
  func base() throws {
    let function = trace([.rows("x", 2), .seed()], dtype: .f64) { inputs in
      let base = UniformNormal(
        scale: inputs[0].trace.constant([3, 0.5], shape: [2]), isUniform: [true, false])
      return [("log_prob", base.logProb(inputs[0])), ("x", base.sample(seed: inputs[1]))]
    }
    let rows = 4000
    let x = [1.4, 0.2, 1.6, 0.2] + Array(repeating: 0.0, count: 2 * rows - 4)
    let found = try CompiledFunction(function.optimized())(
      ["x": HostArray(x, shape: [rows, 2]), "seed": HostArray([Int32(1), 2], shape: [2])],
      rows: rows)
    let values = try #require(found["log_prob"]).doubles
    let exact = -log(3.0) - 0.5 * 0.16 - log(0.5) - log(2 * Double.pi) / 2
    #expect(abs(values[0] - exact) < 1e-14)
    #expect(values[1] == -.infinity)
    let samples = try #require(found["x"]).doubles
    let (box, bell) = (
      (0..<rows).map { samples[2 * $0] }, (0..<rows).map { samples[2 * $0 + 1] }
    )
    #expect(box.allSatisfy { abs($0) <= 1.5 })
    func variance(_ values: [Double]) -> Double {
      values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
    }
    // 4000 draws: variances 9/12 and 1/4 within 5 deviations, of 1.4 % and 2.2 % of them.
    #expect(abs(variance(box) - 0.75) < 0.055 && abs(variance(bell) - 0.25) < 0.028)
  }

  @Test("a transform in blocks increases with each feature after the earlier ones, and is undone")
  func blocks() throws {
    let modules = Parameterized(seed: 3) {
      BlockAutoregressiveTransform(
        features: 3, context: 2, blockFeatures: 4, depth: 2, in: $0)
    }
    let function = trace([.rows("x", 3), .rows("c", 2)], dtype: .f64) { inputs in
      let transform = modules.base(inputs[1])
      let (y, ladj) = transform.callAndLadj(inputs[0])
      let (x, back) = transform.inverseAndLadj(y)
      return [("y", y), ("ladj", ladj), ("again", x), ("back", back)]
    }
    let compiled = try compile(function.optimized(), modules)
    let step = 1e-5
    let start = [0.4, -0.7, 1.1]
    var x = start
    for feature in 0..<3 {
      for sign in [1.0, -1] {
        var moved = start
        moved[feature] += sign * step
        x += moved
      }
    }
    let c = Array(repeating: [0.5, -0.2], count: 7).flatMap { $0 }
    let found = try compiled(
      ["x": HostArray(x, shape: [7, 3]), "c": HostArray(c, shape: [7, 2])], rows: 7)
    let y = try #require(found["y"]).doubles
    func derivative(_ output: Int, _ input: Int) -> Double {
      (y[3 * (2 * input + 1) + output] - y[3 * (2 * input + 2) + output]) / (2 * step)
    }
    for input in 0..<3 {
      #expect(derivative(input, input) > 0)
      for output in 0..<input { #expect(derivative(output, input) == 0) }
    }
    let ladj = try #require(found["ladj"]).doubles[0]
    // Central differences are good to 1e-9 here.
    #expect(abs(ladj - (0..<3).reduce(0) { $0 + log(derivative($1, $1)) }) < 1e-7)
    let (again, back) = (try #require(found["again"]).doubles, try #require(found["back"]).doubles)
    for (one, other) in zip(again, x) { #expect(abs(one - other) < 1e-10) }
    #expect(abs(back[0] + ladj) < 1e-10)
  }
}
