import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

@Suite("networks") struct NetworkTests {
  static let adjacency = Mask(
    rows: 5, columns: 3,
    bits: [
      true, false, true, false, true, false, true, true, true, false, false, true, true, true,
      false,
    ])

  private func jacobian(
    _ scope: ModuleScope, inputs count: Int, _ f: (Tensor) -> Tensor
  ) throws -> [Double] {
    let function = trace([.rows("x", count)], dtype: .f64) { inputs in
      [("jacobian", inputs[0].valueAndJacobian(of: f).jacobian)]
    }
    var values = initialValues(of: scope.registry.parameters, seed: 4)
    values["x"] = HostArray((0..<4 * count).map { sin(Double($0)) }, shape: [4, count])
    return try #require(
      CompiledFunction(function.optimized())(values, rows: 4)["jacobian"]?.doubles)
  }

  @Test("a masked network's Jacobian is zero where its adjacency is", arguments: [false, true])
  func masked(residual: Bool) throws {
    let scope = ModuleScope.root()
    let network = try MaskedMLP(
      adjacency: Self.adjacency, hiddenFeatures: [16, 16], activation: .elu, residual: residual,
      in: scope)
    let found = try jacobian(scope, inputs: 3) { network($0) }
    #expect(found.count == 60)
    for (index, entry) in found.enumerated() {
      #expect((entry != 0) == Self.adjacency.bits[index % 15], "entry \(index)")
    }
  }

  @Test(
    "a MADE's Jacobian is zero where its order and its context say so", arguments: [false, true])
  func made(residual: Bool) throws {
    let scope = ModuleScope.root()
    // Three features in the order 1, 2, 0, two outputs for each, and two context features.
    let order = [2, 0, 1]
    let bits = (0..<6).flatMap { output in
      (0..<5).map { $0 >= 3 || order[output / 2] > order[$0] }
    }
    let network = try MADE(
      adjacency: Mask(rows: 6, columns: 5, bits: bits), features: 3,
      shape: BlockNetwork(
        hiddenFeatures: 16, residual: residual, activation: .elu, batchNorm: true),
      in: scope)
    let found = try jacobian(scope, inputs: 5) { network($0) }
    #expect(found.count == 120)
    for (index, entry) in found.enumerated() {
      // As in nflows, what is first in the order depends on nothing, not even on the context.
      let isFirst = order[index % 30 / 10] == 0
      #expect((entry != 0) == (bits[index % 30] && !isFirst), "entry \(index)")
    }
  }

  @Test("a MADE refuses dependences that are no order of the features")
  func madeWithoutOrder() {
    let bits = [false, false, false, true, false, false, false, true, false]
    #expect(throws: FlowError.self) {
      try MADE(adjacency: Mask(rows: 3, columns: 3, bits: bits), features: 3, in: .root())
    }
  }

  @Test("a monotonic network increases with each of its inputs, each feature's with its own alone")
  func monotonic() throws {
    let scope = ModuleScope.root()
    let stack = MonotonicMLP(3, 1, hiddenFeatures: [8, 7], stack: 2, in: scope)
    let found = try jacobian(scope, inputs: 6) { stack($0.reshaped([2, 3])).reshaped([2]) }
    #expect(found.count == 48)
    for (index, slope) in found.enumerated() {
      let (output, input) = (index / 6 % 2, index % 6 / 3)
      #expect(output == input ? slope > 0 : slope == 0, "entry \(index) is \(slope)")
    }
  }

  @Test("a linear layer is x Wᵀ, and b where it has one", arguments: [true, false])
  func linear(bias: Bool) throws {
    let scope = ModuleScope.root()
    let layer = Linear(3, 5, bias: bias, in: scope)
    let values = initialValues(of: scope.registry.parameters, seed: 4)
    let compiled = try compile(.rows("x", 3), as: Double.self, parameters: values) { layer($0) }
    let weight = try #require(values["weight"]?.doubles)
    let shift = values["bias"]?.doubles
    #expect((shift != nil) == bias)
    let x: [Double] = [0.5, -1, 2]
    let found = try compiled([x])
    #expect(found.count == 5)
    for i in 0..<5 {
      let exact = (0..<3).reduce(shift?[i] ?? 0) { $0 + x[$1] * weight[3 * i + $1] }
      #expect(abs(found[i] - exact) < 1e-14)
    }
  }
}
