import FlowFiles
import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

@Suite struct DistributionTests {
  @Test("a box is half-open, -inf outside, NaN for NaN")
  func box() throws {
    let scope = ModuleScope.root()
    let box = UnconditionalDistribution.boxUniform(features: 2, lower: -1, upper: 3, in: scope)
    let score = try compile(
      .rows("x", 2), as: Double.self,
      parameters: initialValues(of: scope.registry.parameters, seed: 0)
    ) { x in box(nil).logProb(x) }
    let found = try score([[-1, 0], [3, 0], [-1.5, 0], [.nan, 0]])
    #expect(found[0] == -2 * log(4.0))
    #expect(found[1] == -.infinity && found[2] == -.infinity && found[3].isNaN)
  }

  @Test("a flow's density integrates to one")
  func normalisation() throws {
    // Two features, so that a grid of 401 x 401 on [-7, 7] is good to about 1e-4.
    let model = try Model(
      FlowDescription(text: #"{"type": "NSF", "features": 2, "hidden_features": [16]}"#), seed: 3)
    let score = try compile(model.trace(.logProb, dtype: .f64).optimized(), model)
    let count = 401
    let step = 14.0 / Double(count - 1)
    var x: [Double] = []
    for i in 0..<count {
      for j in 0..<count { x += [-7 + step * Double(i), -7 + step * Double(j)] }
    }
    let logProb = try #require(
      score(["x": HostArray(x, shape: [count * count, 2])], rows: count * count)["log_prob"]?
        .doubles)
    let total = logProb.reduce(0) { $0 + exp($1) } * step * step
    #expect(abs(total - 1) < 2e-3)
  }

  @Test("samples come with the density that scoring gives them", arguments: ["MAF", "NSF", "NICE"])
  func samples(type: String) throws {
    let model = try Model(
      FlowDescription(text: #"{"type": "\#(type)", "features": 3, "context": 2}"#), seed: 5)
    let sampler = try compile(model.trace(.sample, dtype: .f64).optimized(), model)
    let score = try compile(model.trace(.logProb, dtype: .f64).optimized(), model)
    let context = HostArray((0..<400).map { sin(Double($0)) }, shape: [200, 2])
    let inputs = ["seed": HostArray([3, 4] as [Int32], shape: [2]), "context": context]
    let drawn = try sampler(inputs, rows: 200, threads: 2)
    #expect(try sampler(inputs, rows: 200, threads: 1) == drawn)
    let x = try #require(drawn["x"])
    let scored = try #require(score(["x": x, "context": context], rows: 200)["log_prob"]?.doubles)
    for (a, b) in zip(scored, drawn["log_prob"]?.doubles ?? []) { #expect(abs(a - b) < 1e-9) }
    let part = HostArray(Array(context.doubles.suffix(200)), shape: [100, 2])
    let shard = try sampler(
      ["seed": HostArray([3, 4] as [Int32], shape: [2]), "context": part], rows: 100, firstRow: 100)
    #expect(shard["x"]?.doubles == Array(x.doubles.suffix(300)), "a function of seed and row alone")
  }

  @Test("splines are the identity outside, exact on the bound, and invertible at the edges")
  func splineEdges() throws {
    let model = try Model(
      FlowDescription(text: #"{"type": "NSF", "features": 1, "transforms": 1}"#), seed: 11)
    let transform = try compile(model.trace(.transform).optimized(), model)
    let inverse = try compile(model.trace(.inverse).optimized(), model)
    let x: [Float] = [
      -5, 5, -5.000001, 5.000001, 1000, -1e30, (-5 as Float).nextUp, (5 as Float).nextDown, 0, .nan,
    ]
    let shape = [x.count, 1]
    let forward = try transform(["x": HostArray(x, shape: shape)], rows: x.count)
    let z = try #require(forward["z"]?.floats)
    for index in 2..<6 {
      #expect(z[index] == x[index] && forward["ladj"]?.floats[index] == 0)
    }
    #expect(z[0] == -5 && abs(z[1] - 5) <= 5 * Float.ulpOfOne && z.last?.isNaN == true)
    let back = try #require(
      inverse(["z": HostArray(z, shape: shape)], rows: x.count)["x"]?.floats)
    for index in 0..<9 { #expect(abs(back[index] - x[index]) <= 2e-5 * (1 + abs(x[index]))) }
  }
}

@Suite struct MaskTests {
  @Test("masks are those that Zuko builds for the same adjacency")
  func masks() throws {
    let adjacency = Mask(
      rows: 4, columns: 3,
      bits: [false, true, true, false, true, true, false, false, true, true, true, false])
    let scope = ModuleScope.root()
    _ = try MaskedMLP(adjacency: adjacency, hiddenFeatures: [5, 6], in: scope.child("hyper"))
    let masks = scope.registry.parameters.filter { $0.storage == .bool }.map(\.initializer)
    // Computed with zuko.nn.MaskedMLP(adjacency, [5, 6]).
    let rows = [
      "001 011 110 001 011", "10010 11011 00100 10010 11011 00100", "110110 110110 100100 001001",
    ]
    let expected = rows.map { text in
      Parameter.Initializer.bits(text.filter { $0 != " " }.map { $0 == "1" })
    }
    #expect(masks == expected)
  }
}
