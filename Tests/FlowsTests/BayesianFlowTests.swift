import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Flows whose parameters are drawn.
@Suite("Bayesian flows") struct BayesianFlowTests {
  static let types = ["NICE", "MAF", "NSF", "SOSPF", "GF", "BPF"]

  private func model(_ type: String) throws -> (BayesianModel<Flow>, [Parameter]) {
    let scope = ModuleScope.root()
    let flow = try BayesianModel(in: scope, initialLogVariance: -4) {
      try Flow(
        FlowDescription(
          text: """
            {"type": "\(type)", "features": 3, "context": 2, "transforms": 2, \
            "hidden_features": [8]}
            """), in: $0)
    }
    return (flow, scope.registry.parameters)
  }

  private func inputs(_ parameters: [Parameter], seed: Int32) -> [String: HostArray] {
    var result = initialValues(of: parameters, seed: 1)
    result["x"] = HostArray((0..<12).map { sin(1.3 * Double($0)) }, shape: [4, 3])
    result["c"] = HostArray((0..<8).map { cos(Double($0)) }, shape: [4, 2])
    result["seed"] = HostArray([seed, 7], shape: [2])
    return result
  }

  @Test(
    "within a draw a flow is a bijection; the posterior has a gradient, the base model has none",
    arguments: types, [false, true])
  func draws(type: String, localTrick: Bool) throws {
    let (flow, parameters) = try model(type)
    let function = trace([.rows("x", 3), .rows("c", 2), .seed()], dtype: .f64) { inputs in
      flow.reparameterize(seed: inputs[2], localTrick: localTrick) { flow in
        let distribution = flow.normalizingFlow(inputs[1])
        let logProb = distribution.logProb(inputs[0])
        let z = distribution.transform(inputs[0])
        return [
          ("loss", -logProb.mean()), ("again", -flow(inputs[1]).logProb(inputs[0]).mean()),
          ("back", distribution.transform.inverse(z)),
        ]
      }
    }
    let used = function.function.arguments.filter { $0.kind == .parameter }.map(\.name)
    #expect(!used.isEmpty && used.allSatisfy { !$0.hasPrefix("base.") })
    let posterior = parameters.map(\.name).filter {
      $0.hasPrefix("means.") || $0.hasPrefix("logvars.")
    }
    #expect(Set(used) == Set(posterior))
    let compiled = try CompiledFunction(
      function.gradient(of: "loss", withRespectTo: used))
    let found = try compiled(inputs(parameters, seed: 1), rows: 4)
    #expect(found["loss"]?.doubles == found["again"]?.doubles)
    let x = try #require(inputs(parameters, seed: 1)["x"]?.doubles)
    for (a, b) in zip(found["back"]?.doubles ?? [.nan], x) { #expect(abs(a - b) < 1e-9) }
    for name in used {
      let gradient = try #require(found["grad." + name]?.doubles)
      #expect(gradient.contains { $0 != 0 } && gradient.allSatisfy(\.isFinite), "\(name)")
    }
    let other = try compiled(inputs(parameters, seed: 2), rows: 4)
    #expect(other["loss"]?.doubles != found["loss"]?.doubles)
  }

  @Test("drawn weights leave the zeros of a masked network's Jacobian", arguments: [false, true])
  func masked(localTrick: Bool) throws {
    let scope = ModuleScope.root()
    let network = try BayesianModel(in: scope, initialLogVariance: -2) {
      try MaskedMLP(
        adjacency: NetworkTests.adjacency, hiddenFeatures: [16, 16], activation: .elu, in: $0)
    }
    let function = trace([.rows("x", 3), .seed()], dtype: .f64) { inputs in
      network.reparameterize(seed: inputs[1], localTrick: localTrick) { network in
        [("jacobian", inputs[0].valueAndJacobian { network($0) }.jacobian)]
      }
    }
    var values = initialValues(of: scope.registry.parameters, seed: 1)
    values["x"] = HostArray([0.5, -1, 2], shape: [1, 3])
    values["seed"] = HostArray([1, 7] as [Int32], shape: [2])
    let found = try CompiledFunction(function.optimized())(values, rows: 1)["jacobian"]?.doubles
    #expect(found?.count == 15)
    for (entry, isSeen) in zip(found ?? [], NetworkTests.adjacency.bits) {
      #expect((entry != 0) == isSeen)
    }
  }
}
