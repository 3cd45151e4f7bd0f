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
    "the first unit has the interface and the loops of what does not differentiate; what does has one each",
    arguments: [
      ([.logProb], 2), ([.logProbGradient], 2), ([.logProb, .sample], 2),
      (ArtifactFunction.standard, 3), ([.logProbGradient, .logProbHVP], 3),
      (ArtifactFunction.allCases, 4),
    ] as [([ArtifactFunction], Int)])
  func count(functions: [ArtifactFunction], count: Int) throws {
    let units = try Self.units(functions)
    #expect(units.count == count)
    let derivatives: Set<ArtifactFunction> = [.logProbGradient, .logProbHVP]
    // The second unit has the products.
    var next = derivatives.isSuperset(of: functions) ? 0 : 2
    for function in functions {
      let loops = units.map { $0.contains("static void flow_\(function.rawValue)_run_part(") }
      #expect(units[0].contains("int flow_\(function.rawValue)_run("), "\(function)")
      let home = derivatives.contains(function) ? next : 0
      if derivatives.contains(function) { next = max(next + 1, 2) }
      #expect(loops.indices.filter { loops[$0] } == [home], "\(function)")
    }
    let interfaces = units.map { $0.contains("*flowir_description(") }
    #expect(interfaces == [true] + Array(repeating: false, count: count - 1))
    // Functions that others call are defined in one unit, and declared or defined in each.
    let text = units.joined()
    let lines = text.split(separator: "\n")
    let groups = Set(text.matches(of: /void (group_[0-9]+)\(/).map { String($0.1) })
    #expect(!groups.isEmpty)
    for group in groups {
      #expect(units.allSatisfy { $0.contains("void \(group)(") }, "\(group)")
      let defined = lines.count { $0.hasPrefix("FK_PART void \(group)(") && $0.hasSuffix("{") }
      #expect(defined == 1, "\(group) is defined \(defined) times")
    }
  }
}
