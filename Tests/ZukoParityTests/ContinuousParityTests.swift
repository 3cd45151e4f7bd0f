import FlowFiles
import FlowIR
import FlowRuntime
import Flows
import Foundation
import Testing

/// The continuous flow against Zuko, which integrated it with tolerances of 1e-10 in float64.
@Suite struct ContinuousParityTests {
  /// The reference flow with other tolerances.
  private func model(_ reference: Reference, tolerance: Double) throws -> Model {
    guard case .object(let members)? = reference.model.description?.json else {
      throw FlowError.invalid(place: "", found: "no object", expected: "an object")
    }
    let tolerances = ["atol", "rtol"].map { JSONValue.Member($0, .number(tolerance)) }
    var model = try Model(FlowDescription(.object(members + tolerances)))
    model.values = reference.model.values
    return model
  }

  /// The largest relative error beyond an absolute one.
  private func worst(_ found: HostArray?, _ wanted: [Double], beyond own: Double = 0) -> Double {
    let values = found?.doubles ?? []
    guard values.count == wanted.count else { return .infinity }
    return zip(values, wanted).map { max(abs($0 - $1) - own, 0) / (1 + abs($1)) }.max() ?? .infinity
  }

  @Test(
    "values, inverse, loss and gradients agree with Zuko",
    arguments: [(DType.f32, 1e-4, 1e-2), (.f64, 2e-6, 1e-3)])
  func values(dtype: DType, tolerance: Double, gradientTolerance: Double) throws {
    let reference = try Reference("cnf-default")
    let model = dtype == .f64 ? try model(reference, tolerance: 1e-12) : reference.model
    let inputs = reference.inputs
    let score = try compile(model.trace(.logProb, dtype: dtype).optimized(), model)
    let transform = try compile(model.trace(.transform, dtype: dtype).optimized(), model)
    let inverse = try compile(model.trace(.inverse, dtype: dtype).optimized(), model)
    let forward = try transform(inputs, rows: 64)
    let logProb = try score(inputs, rows: 64)["log_prob"]
    let found = [("log_prob", logProb), ("z", forward["z"]), ("ladj", forward["ladj"])]
    for (name, array) in found {
      // In float32 what Zuko itself is off by, too.
      let own = dtype == .f32 ? 3 * (reference.zukoError[name] ?? 0) : 0
      // The reference's log-determinants are off by 9e-7 themselves: the worst of them, integrated
      // by Zuko with a hundredth of the tolerance and no scale, is 1e-8 from what is found here.
      let limit = dtype == .f64 && name == "z" ? 1e-7 : tolerance
      #expect(worst(array, reference.values(name), beyond: own) < limit, "\(name)")
    }
    var back = inputs
    back["x"] = nil
    back["z"] = HostArray(reference.values("z"), shape: [64, model.features])
    let inverted = try inverse(back, rows: 64)
    #expect(worst(inverted["x"], reference.values("x")) < 10 * tolerance)

    let gradients = try compile(model.gradientFunction(dtype: dtype), model)(inputs, rows: 64)
    #expect(worst(gradients["loss"], reference.values("loss")) < tolerance)
    let names = reference.file.names.filter { $0.hasPrefix("ref.grad.") }
    #expect(names.count > 2)
    for name in names {
      let found = try #require(gradients[String(name.dropFirst(4))]?.doubles, "\(name)")
      let wanted = try #require(reference.file[name]?.doubles)
      let largest = wanted.map(abs).max() ?? 0
      let error = zip(found, wanted).map { abs($0 - $1) }.max() ?? .infinity
      #expect(error <= gradientTolerance * largest, "\(name)")
    }
  }

  @Test("the closed form of the trace is that of one reverse pass a feature", arguments: [1, 2, 3])
  func trace(hidden: Int) throws {
    // Three hidden layers take the general way; fewer the closed form: both against differences.
    let widths = JSONValue.array((0..<hidden).map { .integer(8 + $0) })
    let model = try Model(
      FlowDescription(
        .object([
          .init("type", .string("CNF")), .init("features", .integer(3)),
          .init("hidden_features", widths), .init("atol", .number(1e-12)),
          .init("rtol", .number(1e-12)),
        ])), seed: 5)
    let transform = try compile(model.trace(.transform, dtype: .f64).optimized(), model)
    let x = [0.3, -0.7, 1.1]
    let step = 1e-5
    let points =
      [x]
      + (0..<6).map { index in
        var moved = x
        moved[index / 2] += index % 2 == 0 ? step : -step
        return moved
      }
    let result = try transform(
      ["x": HostArray(points.flatMap(\.self), shape: [7, 3])], rows: 7)
    let z = try #require(result["z"]?.doubles)
    let ladj = try #require(result["ladj"]?.doubles.first)
    func slope(_ i: Int, _ j: Int) -> Double {
      (z[(1 + 2 * j) * 3 + i] - z[(2 + 2 * j) * 3 + i]) / (2 * step)
    }
    let determinant =
      slope(0, 0) * (slope(1, 1) * slope(2, 2) - slope(1, 2) * slope(2, 1))
      - slope(0, 1) * (slope(1, 0) * slope(2, 2) - slope(1, 2) * slope(2, 0))
      + slope(0, 2) * (slope(1, 0) * slope(2, 1) - slope(1, 1) * slope(2, 0))
    #expect(abs(ladj - log(determinant)) < 4e-6)
  }
}
