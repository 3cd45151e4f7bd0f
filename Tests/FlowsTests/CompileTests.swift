import FlowFiles
import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

@Suite struct CompileTests {
  @Test("flows by their Zuko names are the flows of their descriptions")
  func prebuilt() throws {
    let flows: [(any PrebuiltFlow, String)] = [
      (
        try NSF(features: 3, context: 2, transforms: 2, bins: 4, hiddenFeatures: [8], seed: 3),
        #"{"type": "NSF", "features": 3, "context": 2, "transforms": 2, "bins": 4, "hidden_features": [8]}"#
      ),
      (
        try MAF(features: 4, randperm: true, passes: 2, residual: true, seed: 3),
        #"{"type": "MAF", "features": 4, "randperm": true, "passes": 2, "residual": true}"#
      ),
      (
        try NICE(features: 4, activation: .elu, normalize: true, seed: 3),
        #"{"type": "NICE", "features": 4, "activation": "ELU", "normalize": true}"#
      ),
      (
        try RealNVP(features: 4, randmask: true, seed: 3),
        #"{"type": "RealNVP", "features": 4, "randmask": true}"#
      ),
    ]
    for (flow, text) in flows {
      let model = try Model(FlowDescription(text: text), seed: 3)
      #expect(flow.model.trace(.logProb).text == model.trace(.logProb).text)
      #expect(flow.model.values == model.values)
    }
    #expect(throws: FlowError.self) { try NSF(features: 3, bins: 1) }
  }

  @Test("a closure over a flow compiles, as in the README")
  func closure() throws {
    let flow = try NSF(features: 5, context: 8, seed: 1)
    let loss = try flow.compile(.rows("x", 5), .rows("c", 8)) { x, c in
      -flow(c).logProb(x).mean()
    }
    let x = HostArray((0..<500).map { sin(Float($0)) }, shape: [100, 5])
    let c = HostArray((0..<800).map { cos(Float($0)) }, shape: [100, 8])
    let found = try loss(Rows(x.floats, columns: 5), Rows(c.floats, columns: 8))[0]
    let score = try compile(flow.model.trace(.logProb).optimized(), flow.model)
    let logProb = try #require(score(["x": x, "context": c], rows: 100)["log_prob"]?.floats)
    #expect(abs(found + logProb.reduce(0, +) / 100) < 1e-4)
  }

  @Test("a context shared by all rows gives what the same context in every row gives")
  func sharedContext() throws {
    let model = try Model(
      FlowDescription(text: #"{"type": "NSF", "features": 3, "context": 2}"#), seed: 5)
    let shared = try compile(model.trace(.logProb, sharedContext: true).optimized(), model)
    let each = try compile(model.trace(.logProb).optimized(), model)
    let x = HostArray((0..<300).map { sin(Float($0)) }, shape: [100, 3])
    let one = try shared(
      ["x": x, "context": HostArray([0.3, -1] as [Float], shape: [2])], rows: 100)
    let rows = (0..<100).flatMap { _ in [0.3, -1] as [Float] }
    let all = try each(["x": x, "context": HostArray(rows, shape: [100, 2])], rows: 100)
    for (a, b) in zip(one["log_prob"]?.floats ?? [], all["log_prob"]?.floats ?? []) {
      #expect(abs(a - b) < 2e-6 * (1 + abs(b)))
    }
  }

  @Test("the gradient of a closure: each row its own, and parameters by name")
  func gradient() throws {
    let scope = ModuleScope.root()
    let weight = scope.parameter("w", [2], initializer: .values([2, 3]))
    let compiled = try compileGradient([.rows("x", 2)], dtype: .f64) { inputs in
      (square(inputs[0]) * weight.tensor).sum(axis: 0)
    }
    let x = HostArray([1, 2, 3, 4] as [Double], shape: [2, 2])
    let results = try compiled(
      ["x": x, "w": HostArray([2, 3] as [Double], shape: [2])], rows: 2)
    #expect(results["grad.x"]?.doubles == [4, 12, 12, 24])
    #expect(results["grad.w"]?.doubles == [10, 20])
  }

  @Test("activations are those of torch", arguments: Activation.allCases)
  func activations(activation: Activation) throws {
    // torch.nn.X()(torch.tensor([-30, -1.5, 0, 0.7, 25], dtype=float64))
    let expected: [Activation: [Double]] = [
      .relu: [0, 0, 0, 0.7, 25], .elu: [-0.9999999999999064, -0.7768698398515702, 0, 0.7, 25],
      .tanh: [-1, -0.9051482536448664, 0, 0.6043677771171636, 1],
      .silu: [
        -2.8072868906517896e-12, -0.2736382857095345, 0, 0.46773144051771626, 24.9999999996528,
      ],
      .gelu: [0, -0.10021080190328704, 0, 0.5306254434438489, 25],
      .leakyReLU: [-0.3, -0.015, 0, 0.7, 25],
      .softplus: [
        9.357622968839299e-14, 0.2014132779827524, 0.6931471805599453, 1.1031860488854579, 25,
      ],
      .sigmoid: [
        9.357622968839299e-14, 0.18242552380635635, 0.5, 0.6681877721681662, 0.999999999986112,
      ],
    ]
    let compiled = try compile(.rows("x", 1), as: Double.self) { x in activation(x) }
    let found = try compiled([[-30], [-1.5], [0], [0.7], [25]])
    for (a, b) in zip(found, try #require(expected[activation])) {
      #expect(abs(a - b) <= 4e-16 * (1 + abs(b)) + 1e-14 * abs(b))
    }
  }
}
