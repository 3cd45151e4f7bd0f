import FlowCodegen
import FlowIR
import FlowRuntime
import Flows
import Testing

/// The translation units that a compiled flow is made of.
@Suite struct CompileUnitsTests {
  /// The units of a flow with some functions, as text.
  private static func units(_ functions: [ArtifactFunction]) throws -> [String] {
    let model = try Model(path: CompileCommandTests.fixtures + "/maf-default.safetensors")
    let source = try model.artifactSource(functions: functions, prefix: "flowir", dtype: .f32)
    let units = source.units(
      kernels: { _ in "/* kernels */\n" }, hash: { _ in "hash" }, weightsIn: "weights"
    ).units
    return units.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test(
    "functions that differentiate have a unit each, beside one for all others",
    arguments: [
      ([.logProb], 1), ([.logProbGradient], 1), ([.logProb, .sample], 1),
      (ArtifactFunction.standard, 2), ([.logProbGradient, .logProbHVP], 2),
      (ArtifactFunction.allCases, 3),
    ] as [([ArtifactFunction], Int)])
  func count(functions: [ArtifactFunction], count: Int) throws {
    let units = try Self.units(functions)
    #expect(units.count == count)
    for function in functions {
      // Defined once, and known to the unit with the interface, which is the first.
      let entry = "int flow_\(function.rawValue)_run("
      let definitions = units.reduce(0) { $0 + $1.ranges(of: "FK_ENTRY " + entry).count }
      #expect(definitions == 1 && units[0].contains(entry), "\(function)")
    }
    let interfaces = units.map { $0.contains("*flowir_description(") }
    #expect(interfaces == [true] + Array(repeating: false, count: count - 1))
  }
}
