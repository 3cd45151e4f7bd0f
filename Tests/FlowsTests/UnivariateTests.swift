import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Element-wise transforms with parameters drawn at random, and those of any function.
@Suite("univariate transforms") struct UnivariateTests {
  static let names = [
    "identity", "additive", "affine", "signed power", "spline", "monotonic", "bernstein",
    "bounded bernstein", "gaussianization", "unconstrained monotonic", "sum of squares",
    "softplus affine", "sigmoid affine", "softmax spline", "softmax spline without tails", "leaky",
    "softmax spline with free ends", "lines", "parabolas", "parabolas with free ends", "cubics",
  ]

  /// The transforms in the order of `names`, of tensors with one element.
  private func transforms(_ trace: Trace) -> [any Transform] {
    var generator = SeededGenerator(seed: 3)
    func random(_ shape: Int...) -> Tensor {
      let shape = [1] + shape
      return trace.constant(
        (0..<shape.reduce(1, *)).map { _ in generator.normal() }, shape: shape)
    }
    var box = RationalQuadraticSpline.Constants()
    box.x = -5.0...5.0
    var map = box
    box.y = box.x
    map.y = 0.0...2.0
    map.hasLinearTails = false
    var free = box
    free.x = -3.0...4.0
    free.y = free.x
    free.hasFreeEnds = true
    return [
      IdentityTransform(), AdditiveTransform(shift: random()),
      MonotonicAffineTransform(shift: random(), scale: random()),
      SignedPowerTransform(alpha: random()),
      MonotonicRQSTransform(widths: random(8), heights: random(8), derivatives: random(7)),
      MonotonicTransform { $0 * square($0) }, BernsteinTransform(theta: random(16)),
      BoundedBernsteinTransform(theta: random(16)),
      GaussianizationTransform(shift: random(8), scale: random(8)),
      UnconstrainedMonotonicTransform { exp(-square($0)) + 1e-2 },
      SOSPolynomialTransform(a: random(3, 5)),
      PositiveAffineTransform(shift: random(), scale: random()),
      PositiveAffineTransform(
        shift: random(), scale: random(), positive: .sigmoid, offset: 2, epsilon: 0),
      RationalQuadraticSpline(
        widths: random(8), heights: random(8), derivatives: random(7), constants: box),
      RationalQuadraticSpline(
        widths: random(8), heights: random(8), derivatives: random(9), constants: map),
      LeakyReLUTransform(slope: 0.3),
      RationalQuadraticSpline(
        widths: random(8), heights: random(8), derivatives: random(9), constants: free),
      PiecewiseLinearSpline(logits: random(8), bound: 4),
      PiecewiseQuadraticSpline(widths: random(8), heights: random(7), bound: 4),
      PiecewiseQuadraticSpline(widths: random(8), heights: random(9), bound: 5),
      PiecewiseCubicSpline(
        widths: random(8), heights: random(8), left: random(), right: random(), bound: 4),
    ]
  }

  @Test("the inverse undoes, the log-determinant is the log of the slope, both ways")
  func slopes() throws {
    let function = trace([.rows("x", 1)], dtype: .f64) { inputs in
      transforms(inputs[0].trace).enumerated().flatMap { index, transform in
        let (y, ladj) = transform.callAndLadj(inputs[0])
        let (x, back) = transform.inverseAndLadj(y)
        return [("y\(index)", y), ("l\(index)", ladj), ("x\(index)", x), ("b\(index)", back)]
      }
    }
    let (count, step) = (256, 1e-5)
    let x = (0..<count).flatMap { index -> [Double] in
      let x = -5 + 10 * (Double(index) + 0.5) / Double(count)
      return [x, x - step, x + step]
    }
    let found = try CompiledFunction(function.optimized())(
      ["x": HostArray(x, shape: [x.count, 1])], rows: x.count)
    for (index, name) in Self.names.enumerated() {
      func values(_ key: String) throws -> [Double] {
        let values = try #require(found["\(key)\(index)"]?.doubles)
        return values.count == x.count ? values : x.map { _ in values[0] }
      }
      let (y, ladj) = (try values("y"), try values("l"))
      let (again, back) = (try values("x"), try values("b"))
      for row in stride(from: 0, to: x.count, by: 3) {
        let slope = (y[row + 2] - y[row + 1]) / (2 * step)
        // Differences over 2e-5 are good to 1e-5 where the slope bends, as between two bins.
        #expect(abs(ladj[row] - log(slope)) < 1e-4, "\(name) at \(x[row])")
        // Where the slope is small the rounding of y is magnified.
        let condition = 1 + 1 / slope
        #expect(abs(again[row] - x[row]) < 1e-12 * condition, "\(name) at \(x[row])")
        #expect(abs(back[row] + ladj[row]) < 1e-11 * condition, "\(name) at \(x[row])")
      }
    }
  }
}
