import FlowIR
import FlowRuntime
import Flows
import Foundation
import Testing

/// Bounded Bernstein polynomials against their definition.
@Suite("Bernstein polynomials") struct BernsteinTests {
  /// Value and slope of a bounded polynomial at `x` in [-5, 5], by its coefficients and de Casteljau's scheme.
  private func definition(_ x: Double, _ theta: [Double]) -> (y: Double, slope: Double) {
    let end = 10 / Double(theta.count + 4)
    let total = theta.map { exp($0) }.reduce(0, +)
    let steps = [end, end] + theta.map { exp($0) / total * (10 - 4 * end) } + [end, end]
    var level = steps.reduce(into: [-5.0]) { $0.append($0[$0.count - 1] + $1) }
    let t = (x + 5) / 10
    while level.count > 2 {
      level = zip(level, level.dropFirst()).map { (1 - t) * $0 + t * $1 }
    }
    return ((1 - t) * level[0] + t * level[1], Double(steps.count) * (level[1] - level[0]) / 10)
  }

  /// In float32 the polynomial is a sum of some twenty numbers up to 5, whose ulp is 4.8e-7, and `x` + 5 is good
  /// to as much, which the slope magnifies. The log of the slope is that of a sum of products with powers up to
  /// the 20th, each good to 6e-8 for each factor. In float64 an ulp is 2^-29 of that, for the definition too.
  @Test(
    "values and slopes are the definition's, for few steps and many",
    arguments: [1, 2, 3, 5, 16, 17], [(DType.f64, 2e-14, 2e-14), (.f32, 5e-6, 3e-6)])
  func definition(steps: Int, precision: (dtype: DType, value: Double, slope: Double)) throws {
    let function = trace(
      [.rows("x", 1), .rows("theta", steps)], dtype: precision.dtype
    ) { inputs in
      let map = BoundedBernsteinTransform(theta: inputs[1].reshaped([1, steps]))
      let (y, ladj) = map.callAndLadj(inputs[0])
      return [("y", y), ("ladj", ladj)]
    }
    var generator = SeededGenerator(seed: 5)
    func rounded(_ x: Double) -> Double { precision.dtype == .f32 ? Double(Float(x)) : x }
    let rows = 400
    let x = (0..<rows).map { rounded(-4.99 + 9.98 * Double($0) / Double(rows - 1)) }
    let theta = (0..<rows * steps).map { _ in rounded(2 * generator.normal()) }
    func array(_ values: [Double], _ columns: Int) -> HostArray {
      precision.dtype == .f32
        ? HostArray(values.map { Float($0) }, shape: [rows, columns])
        : HostArray(values, shape: [rows, columns])
    }
    let found = try CompiledFunction(function.optimized())(
      ["x": array(x, 1), "theta": array(theta, steps)], rows: rows)
    let (y, ladj) = (try #require(found["y"]?.doubles), try #require(found["ladj"]?.doubles))
    var largest = (value: 0.0, slope: 0.0)
    for row in 0..<rows {
      let exact = definition(x[row], Array(theta[row * steps..<(row + 1) * steps]))
      largest.value = max(largest.value, abs(y[row] - exact.y) / (1 + exact.slope))
      largest.slope = max(largest.slope, abs(ladj[row] - log(exact.slope)))
    }
    #expect(largest.value <= precision.value)
    #expect(largest.slope <= precision.slope)
  }
}
