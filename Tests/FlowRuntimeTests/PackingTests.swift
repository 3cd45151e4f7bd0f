import FlowIR
import FlowRuntime
import Testing

/// Weights that are inputs, which a call packs anew.
@Suite struct PackingTests {
  /// A linear layer whose weight matrix is a view of the input `w`.
  private func function(
    outputs: Int, inputs: Int, view: View, dtype: DType
  ) throws -> Function {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([inputs], dtype))
    let bias = builder.argument("b", .uniform([outputs], dtype))
    let shape = view == .transposed ? [inputs, outputs] : [outputs, inputs]
    let w = builder.argument("w", .uniform(shape, dtype))
    let weight =
      switch view {
      case .plain: w
      case .transposed: try builder.emit(.transpose([1, 0]), w)
      case .otherColumns:
        try builder.emit(.gather(axis: 1, indices: (0..<inputs).reversed()), w)
      case .otherRows:
        try builder.emit(.gather(axis: 0, indices: (0..<outputs).map { ($0 + 3) % outputs }), w)
      }
    let y = try builder.emit(.linear(nil), x, weight, bias)
    return builder.finish(results: [FunctionResult(name: "y", value: y)])
  }

  enum View: CaseIterable { case plain, transposed, otherColumns, otherRows }

  /// With one number other than zero in a row, what comes out is a weight and a bias, exactly.
  @Test(
    "each weight goes where its product reads it", arguments: View.allCases,
    [DType.f32, .f64])
  func places(view: View, dtype: DType) throws {
    for (outputs, inputs) in [(1, 9), (2, 3), (3, 5), (4, 4), (5, 7), (6, 13), (13, 1), (17, 22)] {
      let function = try function(outputs: outputs, inputs: inputs, view: view, dtype: dtype)
      let compiled = try CompiledFunction(.withoutPasses(function))
      let w = (0..<outputs * inputs).map { Double($0 + 1) }
      let b = (0..<outputs).map { Double(1000 * ($0 + 1)) }
      let x = (0..<inputs * inputs).map { $0 / inputs == $0 % inputs ? 1.0 : 0 }
      let exact = try Interpreter.run(function, ["x": x, "w": w, "b": b], rows: inputs)
      let wanted = try #require(exact["y"]?.values)
      let shape = view == .transposed ? [inputs, outputs] : [outputs, inputs]
      let arrays = [
        "x": HostArray(x, shape: [inputs, inputs]), "w": HostArray(w, shape: shape),
        "b": HostArray(b, shape: [outputs]),
      ]
      for threads in [1, 2] {
        let found = try compiled(arrays, rows: inputs, threads: threads)
        #expect(found["y"]?.doubles == wanted, "\(outputs) x \(inputs)")
      }
    }
  }
}
