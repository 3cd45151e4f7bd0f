import FlowCodegen
import FlowIR
import FlowRuntime
import Flows
import Testing

/// Searches for roots whose last rows gather in one vector.
@Suite struct RootGatheringTests {
  private static let network = #""network": {"hidden_features": [16, 16]}"#

  private func model(_ name: String, features: Int, _ arguments: String = "") throws -> Model {
    let text = #"{"type": "\#(name)", "features": \#(features), "transforms": 2\#(arguments)}"#
    return try Model(FlowDescription(text: text), seed: 5)
  }

  @Test(
    "rows gather where an evaluation takes longer than moving what they take along",
    arguments: [
      ("NAF", true), ("UNAF", true), ("SOSPF", false), ("BPF", false), ("GF", false),
    ])
  func decision(name: String, gathers: Bool) throws {
    let text = try TileProgram(lowering: model(name, features: 3).function(.inverse).function).text
    #expect(text.contains("roots "))
    // The first layer's 64 numbers that no evaluation changes, and 8 of the search.
    #expect(text.contains("rows gather by 72 elements") == gathers, "\(text)")
    #expect(text.contains("rows gather") == gathers)
  }

  @Test(
    "a row has the same bits alone and among rows that take longer or are NaN",
    arguments: [
      ("NAF", 3, ""), ("NAF", 4, #", "passes": 2"#), ("NAF", 4, #", "randperm": true"#),
      ("UNAF", 2, ""),
    ], [DType.f32, .f64])
  func bits(flow: (name: String, features: Int, arguments: String), dtype: DType) throws {
    let n = flow.features
    let model = try model(
      flow.name, features: n, ", \(Self.network), \"hidden_features\": [24]\(flow.arguments)")
    let function = try model.function(.inverse, dtype: dtype)
    #expect(try TileProgram(lowering: function.function).text.contains("rows gather"))
    let bound = try CompiledFunction(function).bind(model.values, threads: 1)
    let all = 150
    // Most rows are ordinary; others are far out, at the edge of the numbers or not numbers.
    let numbers = (0..<all * n).map { index in
      switch (index / n % 13, index % n) {
      case (3, 0): 40.0
      case (7, 1): -3e4
      case (9, 0): Double.nan
      case (11, 1): 1e30
      default: 4 * (Double(index) * 0.618034).truncatingRemainder(dividingBy: 1) - 2
      }
    }
    func inverse(_ rows: Range<Int>) throws -> [UInt64] {
      let z = HostArray(
        Array(numbers[rows.lowerBound * n..<rows.upperBound * n]), shape: [rows.count, n])
      let x = try #require(bound(["z": z], rows: rows.count, threads: 1)["x"])
      return x.doubles.map { $0.isNaN ? UInt64.max : $0.bitPattern }
    }
    let whole = try inverse(0..<all)
    #expect(whole.contains(.max) && whole.contains { $0 != .max })
    for row in 0..<all {
      let alone = try inverse(row..<row + 1)
      #expect(alone == Array(whole[row * n..<(row + 1) * n]), "row \(row)")
    }
    for rows in [0..<17, 1..<70, 20..<150] {
      #expect(try inverse(rows) == Array(whole[rows.lowerBound * n..<rows.upperBound * n]))
    }
  }

  @Test(
    "a tile makes fewer evaluations than the row that takes most", arguments: ["NAF", "UNAF"])
  func evaluations(name: String) throws {
    let model = try model(name, features: 1, ", \"context\": 1, \(Self.network)")
    let compiled = try CompiledFunction(model.function(.inverse), profiling: true)
    let bound = try compiled.bind(model.values, threads: 1)
    let counters = try #require(compiled.counters)
    // A few rows of a tile are further out than the others, each tile's by another length.
    let numbers = (0..<16 * 32).map { index in
      let place = (Float(index) * 0.618034).truncatingRemainder(dividingBy: 1) - 0.5
      return place * (index % 16 == 3 ? Float(5 + index) : 1)
    }
    func searches(_ rows: Range<Int>) throws -> [NodeCounters.Search] {
      _ = counters.take()
      let some = HostArray(Array(numbers[rows]), shape: [rows.count, 1])
      _ = try bound(["z": some, "context": some], rows: rows.count, threads: 1)
      return counters.take().compactMap(\.search)
    }
    let alone = try (0..<16 * 32).map { try searches($0..<$0 + 1) }
    var (made, most) = ([0.0, 0.0], [0.0, 0.0])
    for tile in 0..<16 {
      let rows = tile * 32..<(tile + 1) * 32
      for (index, search) in try searches(rows).enumerated() {
        #expect(search.evaluations <= search.passes)
        made[index] += search.passes
        most[index] += alone[rows].map(\.[index].evaluations).max() ?? 0
      }
    }
    #expect(zip(made, most).allSatisfy { $0 < 0.95 * $1 }, "\(made) of \(most)")
  }
}
