import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Layers by Zuko's names: stacks, monotonic networks and their parameters.
@Suite("layers") struct LayerTests {
  /// Values of parameters, the same every time.
  private func values(_ scope: ModuleScope) -> [String: HostArray] {
    initialValues(of: scope.registry.parameters, seed: 4)
  }

  private func run(
    _ x: [Double], _ shape: [Int], _ values: [String: HostArray], _ body: (Tensor) -> Tensor
  ) throws -> [Double] {
    let traced = trace([.rows("scalar")], dtype: .f64) { inputs -> [(String, Tensor)] in
      let x = inputs[0].trace.rows("x", shape)
      return [("y", body(x) + 0 * inputs[0])]
    }
    let rows = x.count / shape.reduce(1, *)
    var inputs = values
    inputs["x"] = HostArray(x, shape: [rows] + shape)
    inputs["scalar"] = HostArray([Double](repeating: 0, count: rows), shape: [rows])
    return try #require(CompiledFunction(traced.optimized())(inputs, rows: rows)["y"]).doubles
  }

  @Test("parameters have Zuko's names and shapes")
  func names() {
    let scope = ModuleScope.root()
    _ = MLP(3, 2, hiddenFeatures: [4], stack: 5, in: scope.child("mlp"))
    _ = MonotonicMLP(3, 2, hiddenFeatures: [4], in: scope.child("monotonic"))
    _ = Linear(3, 2, bias: false, stack: 5, in: scope.child("linear"))
    _ = MNN(signal: 6, hiddenFeatures: [4], stack: 5, in: scope.child("mnn"))
    _ = UMNN(signal: 6, hiddenFeatures: [4], in: scope.child("umnn"))
    let found = scope.registry.parameters.map { "\($0.name) \($0.shape)" }
    // Of zuko.nn and zuko.flows.neural, version 1.6.
    #expect(
      found == [
        "mlp.0.weight [5, 4, 3]", "mlp.0.bias [5, 4]", "mlp.2.weight [5, 2, 4]",
        "mlp.2.bias [5, 2]", "monotonic.0.weight [4, 3]", "monotonic.0.bias [4]",
        "monotonic.2.weight [2, 4]", "monotonic.2.bias [2]", "linear.weight [5, 2, 3]",
        "mnn.network.0.weight [5, 4, 7]", "mnn.network.0.bias [5, 4]",
        "mnn.network.2.weight [5, 1, 4]", "mnn.network.2.bias [5, 1]",
        "umnn.integrand.0.weight [4, 7]", "umnn.integrand.0.bias [4]",
        "umnn.integrand.2.weight [1, 4]", "umnn.integrand.2.bias [1]",
      ])
  }

  @Test("a stack acts on each vector as its own network does")
  func stack() throws {
    let (stacked, single) = (ModuleScope.root(), ModuleScope.root())
    let all = MLP(3, 2, hiddenFeatures: [4], normalize: true, stack: 2, in: stacked)
    let one = MLP(3, 2, hiddenFeatures: [4], normalize: true, in: single)
    let given = values(stacked)
    let x: [Double] = (0..<12).map { Foundation.sin(Double($0)) }
    let y = try run(x, [2, 3], given) { all($0) }
    for index in 0..<2 {
      let own = given.mapValues { array in
        let size = array.count / 2
        return HostArray(
          Array(array.doubles[(index * size)..<((index + 1) * size)]),
          shape: Array(array.shape.dropFirst()))
      }
      let start = 3 * index
      let part: [Double] = Array(x[start..<(start + 3)]) + Array(x[(start + 6)..<(start + 9)])
      let exact = try run(part, [3], own) { one($0) }
      for row in 0..<2 {
        for o in 0..<2 {
          let found: Double = y[4 * row + 2 * index + o]
          #expect(abs(found - exact[2 * row + o]) < 1e-14)
        }
      }
    }
  }

  @Test("a monotonic network increases with each input, with a stack and without")
  func monotonic() throws {
    let scope = ModuleScope.root()
    let network = MonotonicMLP(3, 4, hiddenFeatures: [5, 6], in: scope)
    let x = (0..<30).map { 3 * Foundation.sin(1.7 * Double($0)) }
    let jacobian = try run(x, [3], values(scope)) {
      $0.valueAndJacobian { network($0) }.jacobian
    }
    #expect(jacobian.count == 120 && jacobian.allSatisfy { $0 > 0 })
    let other = ModuleScope.root()
    let layer = MonotonicLinear(2, 1, stack: 2, in: other)
    let given = [
      "weight": HostArray([-1.0, 2, 3, -4], shape: [2, 1, 2]),
      "bias": HostArray([0.5, -0.5], shape: [2, 1]),
    ]
    let found = try run([1, 1, 10, 1], [2, 2], given) { layer($0) }
    #expect(found == [3.5, 33.5])
  }

  @Test("the two-way ELU bends the first half downwards and the second upwards")
  func twoWay() throws {
    let x = [-1.0, 2, 0.5, -1, 2]
    // torch.chunk gives the first half the element more.
    let exact: [Double] = [Foundation.expm1(-1.0), 2, 0.5, -1, -Foundation.expm1(-2.0)]
    let y = try run(x, [5], [:]) { TwoWayELU()($0) }
    for (a, b) in zip(y, exact) { #expect(abs(a - b) < 1e-15) }
  }

  @Test("a monotonic network is its layers with two-way ELUs between them, to the last bit")
  func signs() throws {
    for stack in [nil, 2] {
      let scope = ModuleScope.root()
      let network = MonotonicMLP(3, 2, hiddenFeatures: [5, 4], stack: stack, in: scope)
      let sizes = [(3, 5), (5, 4), (4, 2)]
      let layers = sizes.enumerated().map { index, size in
        MonotonicLinear(
          size.0, size.1, stack: stack, in: ModuleScope.root().child("\(index * 2)"))
      }
      let shape = stack.map { [$0, 3] } ?? [3]
      let x = (0..<4 * shape.reduce(1, *)).map { Double($0 * 7 % 11) - 5.3 }
      let found = try run(x, shape, values(scope)) { network($0) }
      let plain = try run(x, shape, values(scope)) { x in
        layers.dropFirst().reduce(layers[0](x)) { $1(TwoWayELU()($0)) }
      }
      #expect(found == plain)
    }
  }

  @Test("MNN and UMNN without a stack share one network among the elements, and invert")
  func neural() throws {
    for isIntegral in [false, true] {
      let scope = ModuleScope.root()
      let monotonic = MNN(signal: 2, hiddenFeatures: [6], in: scope.child("a"))
      let integral = UMNN(signal: 2, hiddenFeatures: [6], in: scope.child("b"))
      let x = [-40.0, 0.3, 0.3, 12, 25, -7]
      let round = try run(x, [3], values(scope)) { x in
        // The same signal for all elements.
        let signal = x.trace.constant([0.4, -0.2, 0.4, -0.2, 0.4, -0.2], shape: [3, 2])
        let rows = signal + 0 * x.expandedLast()
        let transform: any Transform = isIntegral ? integral(rows) : monotonic(rows)
        let y = transform(x)
        return Tensor.concatenate([y, transform.inverse(y)])
      }
      #expect(round[1] == round[2] && round[0] != round[1])
      for row in 0..<2 {
        for i in 0..<3 {
          let (found, exact): (Double, Double) = (round[6 * row + 3 + i], x[3 * row + i])
          #expect(abs(found - exact) < 1e-9)
        }
      }
    }
  }
}
