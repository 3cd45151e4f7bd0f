import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

@Suite("tensors") struct TensorTests {
  @Test("operators broadcast as in NumPy, with and without rows")
  func broadcasting() throws {
    let function = trace([.rows("a", 3, 1), .uniform("b", 2), .uniform("c")], dtype: .f64) {
      [("sum", $0[0] + $0[1]), ("product", $0[2] * $0[0]), ("both", $0[1] - $0[2])]
    }
    let found = try CompiledFunction(.withoutPasses(function.function))(
      [
        "a": HostArray([1, 2, 3, 4, 5, 6] as [Double], shape: [2, 3, 1]),
        "b": HostArray([10, 20] as [Double], shape: [2]),
        "c": HostArray([0.5] as [Double], shape: []),
      ], rows: 2)
    #expect(found["sum"]?.shape == [2, 3, 2])
    let sums: [Double] = [11, 21, 12, 22, 13, 23, 14, 24, 15, 25, 16, 26]
    #expect(found["sum"]?.doubles == sums)
    #expect(found["product"]?.doubles == [0.5, 1, 1.5, 2, 2.5, 3])
    #expect(found["both"]?.doubles == [9.5, 19.5])
  }

  @Test("a hyper-network's output is cut into the parameters of each feature")
  func unpack() throws {
    let family = Univariate(shapes: [[2, 3], [], [1]]) { _ in IdentityTransform() }
    let function = trace([.rows("phi", 16)], dtype: .f64) { inputs in
      family.unpack(inputs[0]).enumerated().map { ("\($0.offset)", $0.element) }
    }
    let phi = (0..<32).map(Double.init)
    let found = try CompiledFunction(.withoutPasses(function.function))(
      ["phi": HostArray(phi, shape: [2, 16])], rows: 2)
    #expect(found["0"]?.shape == [2, 2, 2, 3] && found["1"]?.shape == [2, 2])
    let first: [Double] = [0, 8, 16, 24].flatMap { Array(phi[$0..<$0 + 6]) }
    #expect(found["0"]?.doubles == first)
    #expect(found["1"]?.doubles == [6, 14, 22, 30] && found["2"]?.doubles == [7, 15, 23, 31])
  }

  @Test("an integral of a polynomial and its derivatives are the closed forms")
  func integral() throws {
    // F(x) = α x⁶ / 6 - x³ / 3, for which three nodes are enough.
    let compiled = try compileGradient(
      [.rows("a"), .rows("b"), .uniform("alpha")], dtype: .f64
    ) { inputs in
      inputs[1].integral(from: inputs[0], nodes: 3) { x in
        inputs[2] * x * square(square(x)) - square(x)
      }
    }
    let (a, b, alpha) = ([0.3, -1.2, 2], [1.1, 0.4, -1.5], 0.7)
    let found = try compiled(
      [
        "a": HostArray(a, shape: [3]), "b": HostArray(b, shape: [3]),
        "alpha": HostArray([alpha], shape: []),
      ], rows: 3)
    func f(_ x: Double) -> Double { alpha * pow(x, 5) - x * x }
    func area(_ x: Double) -> Double { alpha * pow(x, 6) / 6 - pow(x, 3) / 3 }
    var slope = 0.0
    for row in 0..<3 {
      // Sums of a few terms of order ten.
      func expect(_ name: String, _ exact: Double) {
        #expect(abs((found[name]?.doubles[row] ?? .nan) - exact) < 1e-13, "\(name) of row \(row)")
      }
      expect("result", area(b[row]) - area(a[row]))
      expect("grad.a", -f(a[row]))
      expect("grad.b", f(b[row]))
      slope += (pow(b[row], 6) - pow(a[row], 6)) / 6
    }
    #expect(abs((found["grad.alpha"]?.doubles[0] ?? .nan) - slope) < 1e-13)
  }

  @Test("a root and its derivatives are those of the inverse function")
  func root() throws {
    // sinh(α x) = y, that is x = asinh(y) / α.
    let compiled = try compileGradient([.rows("y"), .uniform("alpha")], dtype: .f64) { inputs in
      inputs[0].monotoneRoot { x in
        let t = inputs[1] * x
        return 0.5 * (exp(t) - exp(-t))
      }
    }
    let (y, alpha) = ([-20, -0.5, 0.1, 3.0], 1.3)
    let found = try compiled(
      ["y": HostArray(y, shape: [4]), "alpha": HostArray([alpha], shape: [])], rows: 4)
    for row in 0..<4 {
      let x = found["result"]?.doubles[row] ?? .nan
      #expect(abs(x - asinh(y[row]) / alpha) < 1e-14)
      let slope = 1 / (alpha * (1 + y[row] * y[row]).squareRoot())
      #expect(abs((found["grad.y"]?.doubles[row] ?? .nan) - slope) < 1e-14)
    }
    let total = y.reduce(0) { $0 - asinh($1) / (alpha * alpha) }
    #expect(abs((found["grad.alpha"]?.doubles[0] ?? .nan) - total) < 1e-13)
  }
}
