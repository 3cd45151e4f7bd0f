import FlowIR
import Testing

@testable import FlowRuntime

/// Products of layers, with the blocks and loops of each processor that this machine can run.
@Suite struct ProductTests {
  /// Processors whose products differ; those that the machine lacks are left out.
  private static let processors: [TargetCPU] = {
    let features = Processor.current.features
    var list: [TargetCPU] = [.native]
    #if arch(x86_64)
      list.append(.x86Base)
      if features.isSuperset(of: ["avx2", "fma", "bmi2"]) { list.append(.x86V3) }
      if features.isSuperset(of: ["avx512f", "avx512bw", "avx512dq", "avx512vl"]) {
        list.append(.x86V4)
      }
    #endif
    return list
  }()

  /// Numbers of inputs around those that a loop takes at a time, and around those that a first cache holds.
  private static let inputs = [1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 127, 128, 129, 131]

  /// Whole numbers so small that every sum is exact.
  @Test(
    "products of any number of inputs and outputs are exact where their sums are",
    arguments: processors, [DType.f32, .f64])
  func exact(cpu: TargetCPU, dtype: DType) throws {
    let most = Self.inputs.max() ?? 0
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", .row([most], dtype))
    var results: [FunctionResult] = []
    for count in Self.inputs {
      let seen = try builder.emit(.slice(axis: 0, start: most - count, end: most), x)
      // Panels of every number of outputs from one to six.
      for outputs in [1, 2, 3, 10, 17] {
        let w = try builder.emit(
          .constant(
            Literal(
              (0..<outputs * count).map { Double($0 * 7 % 11 - 5) }, shape: [outputs, count],
              dtype: dtype)))
        let y = try builder.emit(.linear(nil), seen, w)
        results.append(FunctionResult(name: "y\(count)_\(outputs)", value: y))
      }
    }
    let function = builder.finish(results: results)
    let compiled = try CompiledFunction(.withoutPasses(function), cpu: cpu)
    for rows in [1, 5, 70] {
      let values = (0..<rows * most).map { Double($0 * 5 % 13 - 6) }
      let exact = try Interpreter.run(function, ["x": values], rows: rows)
      let found = try compiled(["x": HostArray(values, shape: [rows, most])], rows: rows)
      for result in results {
        #expect(
          found[result.name]?.doubles == exact[result.name]?.values,
          "\(result.name) of \(rows) rows for \(cpu.rawValue)")
      }
    }
  }
}
