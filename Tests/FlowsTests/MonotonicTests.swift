import FlowIR
import FlowRuntime
import Flows
import Foundation
import Testing

/// Transforms whose inverse is found by root finding.
@Suite struct MonotonicTests {
  /// Coefficients [2, 2, 3] of a sum of squares for two features.
  static let coefficients = [
    0.3, -1.2, 0.7, -0.4, 0.9, 0.2, 1.1, 0.5, -0.8, 0.6, -0.3, 1.4,
  ]

  static func transform(_ index: Int, _ x: Tensor) -> any Transform {
    let a = x.trace.constant(coefficients, shape: [2, 2, 3])
    switch index {
    case 0: return MonotonicTransform { $0 + 2 * tanh($0) }
    case 1: return UnconstrainedMonotonicTransform { exp(sin($0)) }
    default: return SOSPolynomialTransform(a: a)
    }
  }

  @Test(
    "forward and inverse compose to the identity far beyond [-10, 10], ladj cancels",
    arguments: [0, 1, 2], [DType.f32, .f64])
  func roundTrip(index: Int, dtype: DType) throws {
    let function = trace([.rows("x", 2)], dtype: dtype) { inputs -> [(String, Tensor)] in
      let transform = Self.transform(index, inputs[0])
      let (y, ladj) = transform.callAndLadj(inputs[0])
      let (x, inverse) = transform.inverseAndLadj(y)
      return [("y", y), ("ladj", ladj), ("x", x), ("inverse", inverse)]
    }
    // With 32 nodes the integral of exp(sin) is good to float32 within about 15.
    let scale = index == 1 ? 0.6 : 1.6
    let x = (-25..<25).map { scale * Double($0) }
    let found = try CompiledFunction(function.optimized())(
      ["x": HostArray(x, shape: [25, 2])], rows: 25)
    let (back, ladj, inverse) = (
      try #require(found["x"]?.doubles), try #require(found["ladj"]?.doubles),
      try #require(found["inverse"]?.doubles)
    )
    let tolerance = dtype == .f32 ? 2e-5 : 1e-11
    for i in x.indices {
      // The condition of the map: the error of y over its slope.
      let y = abs(found["y"]?.doubles[i] ?? .nan)
      let allowed = tolerance * (1 + abs(x[i]) + y * exp(-ladj[i]))
      #expect(abs(back[i] - x[i]) <= allowed, "\(back[i]) instead of \(x[i])")
      #expect(abs(ladj[i] + inverse[i]) <= 50 * allowed)
    }
  }

  @Test("a sum of squares is what Zuko computes")
  func sumOfSquares() throws {
    let function = trace([.rows("x", 2)], dtype: .f64) { inputs -> [(String, Tensor)] in
      let (y, ladj) = Self.transform(2, inputs[0]).callAndLadj(inputs[0])
      return [("y", y), ("ladj", ladj)]
    }
    let x = [-12.0, 3.5, 0.25, -7.75, 18.0, 40.0]
    let found = try CompiledFunction(function.optimized())(
      ["x": HostArray(x, shape: [x.count / 2, 2])], rows: x.count / 2)
    // zuko.transforms.SOSPolynomialTransform in float64.
    let y = [
      -36.80904960000001, 12.637347041666667, 0.2534241002278646, -27.90384773372396, 36.5308704,
      2478.373333333333,
    ]
    let ladj = [
      1.952060340652741, 1.3242262859163128, 0.0018349814069918964, 1.4663475945793771,
      1.630209481918852, 5.696307943147667,
    ]
    for i in x.indices {
      #expect(abs((found["y"]?.doubles[i] ?? .nan) - y[i]) <= 1e-12 * (1 + abs(y[i])))
      #expect(abs((found["ladj"]?.doubles[i] ?? .nan) - ladj[i]) <= 1e-12)
    }
  }
}
