import FlowIR
import FlowRuntime
import Flows

/// Cases and their inverses in one compiled function, with the derivatives of values and of
/// log-determinants with respect to inputs and parameters.
struct CompiledGrid {
  /// What one row gives; derivatives are those of the value and of the log-determinant.
  struct Point {
    var x, y, ladj: Double
    var slope, bend: Double
    var parameterSlopes: [Double]
    /// Which set of parameters.
    var set: Int
  }

  /// Each case, followed by its inverse.
  let cases: [GridCase]
  let dtype: DType
  private let function: CompiledFunction

  init(_ list: [GridCase], _ dtype: DType) throws {
    cases = list.flatMap { [$0, $0.inverse] }
    self.dtype = dtype
    let cases = cases
    var inputs = [Input.uniform("a"), .uniform("b")]
    for (index, test) in cases.enumerated() {
      inputs += [.rows("x\(index)", 1), .rows("p\(index)", max(test.parameters[0].count, 1))]
    }
    let traced = trace(inputs, dtype: dtype) { tensors -> [(String, Tensor)] in
      var results: [(String, Tensor)] = []
      var loss = tensors[0].trace.constant(0)
      for (index, test) in cases.enumerated() {
        let x = tensors[2 + 2 * index]
        let (y, ladj) = test.make(tensors[3 + 2 * index]).callAndLadj(x)
        results += [("y\(index)", y), ("ladj\(index)", ladj.broadcast(to: [1]))]
        loss = loss + (tensors[0] * y + tensors[1] * ladj).reshaped([])
      }
      return results + [("loss", loss)]
    }
    let names = cases.indices.flatMap { index in
      cases[index].parameters[0].isEmpty ? ["x\(index)"] : ["x\(index)", "p\(index)"]
    }
    function = try CompiledFunction(
      traced.gradient(of: "loss", withRespectTo: names))
  }

  /// All cases at given inputs, one list a case, each with its set of parameters.
  func callAsFunction(_ inputs: [[(x: Double, set: Int)]]) throws -> [[Point]] {
    let rows = inputs.map(\.count).max() ?? 0
    var arrays: [String: HostArray] = [:]
    for (index, list) in inputs.enumerated() {
      let padded = (0..<rows).map { list[$0 % list.count] }
      arrays["x\(index)"] = HostArray(padded.map(\.x), shape: [rows, 1])
      let sets = cases[index].parameters.map { $0.isEmpty ? [0] : $0 }
      arrays["p\(index)"] = HostArray(
        padded.flatMap { sets[$0.set] }, shape: [rows, sets[0].count])
    }
    func run(_ a: Double, _ b: Double) throws -> [String: [Double]] {
      arrays["a"] = HostArray([a], shape: [])
      arrays["b"] = HostArray([b], shape: [])
      return try function(arrays, rows: rows).mapValues(\.doubles)
    }
    let (values, bends) = try (run(1, 0), run(0, 1))
    return inputs.enumerated().map { index, list in
      func at(_ results: [String: [Double]], _ name: String, _ row: Int) -> Double {
        guard let all = results["\(name)\(index)"] else { return 0 }
        return all.count == 1 ? all[0] : all[row]
      }
      let count = cases[index].parameters[0].count
      return list.enumerated().map { row, input in
        func slopes(_ results: [String: [Double]]) -> ArraySlice<Double> {
          (results["grad.p\(index)"] ?? [])[(row * count)..<(row * count + count)]
        }
        return Point(
          x: input.x, y: at(values, "y", row), ladj: at(values, "ladj", row),
          slope: at(values, "grad.x", row), bend: at(bends, "grad.x", row),
          parameterSlopes: Array(slopes(values) + slopes(bends)), set: input.set)
      }
    }
  }

  /// All cases on their grids.
  func onGrid() throws -> [[Point]] {
    try callAsFunction(
      cases.map { test in
        test.parameters.indices.flatMap { set in
          test.grid(dtype).map { (x: $0, set: set) }
        }
      })
  }
}
