import Testing

@testable import FlowCodegen

/// How the C of several functions is divided into translation units.
@Suite struct UnitTests {
  private static func function(_ name: String, effort: Int) -> CPart {
    CPart("\(name)() {}", .anywhere, name: name, declaration: "\(name)();", effort: effort)
  }

  @Test("each part has its unit, others declare what they call, and tables are in all")
  func places() {
    let units = CUnits([
      (CPart("table", .everywhere), 1),
      (CPart("panel", .products), 1),
      (CPart("layer() {}", .products, name: "layer", declaration: "layer();"), 1),
      (CPart("a_tile", .running), 1),
      (CPart("a_prepare() {}", .preparing, name: "a_prepare", declaration: "a_prepare();"), 1),
      (CPart("a_run() {}", .running, name: "a_run", declaration: "a_run();"), 1),
      (CPart("b_tile", .running), 2),
      (CPart("b_run() {}", .running, name: "b_run", declaration: "b_run();"), 2),
    ])
    #expect(
      units.texts == [
        "table\nlayer();\na_tile\na_prepare() {}\na_run() {}\nb_run();",
        "table\npanel\nlayer() {}\na_prepare();\na_run();\nb_run();",
        "table\nlayer();\na_prepare();\na_run();\nb_tile\nb_run() {}",
      ])
    #expect(units.names == ["layer", "a_prepare", "a_run", "b_run"])
  }

  @Test("functions that stand anywhere make units alike, the longest first")
  func balance() {
    let efforts = [1000, 40_000, 30_000, 2000, 20_000, 50_000]
    let parts = efforts.enumerated().map { Self.function("f\($0)", effort: $1) }
    let units = CUnits(parts.map { ($0, 2) })
    #expect(units.texts.count == 3)
    let loads = units.texts.map { text in
      efforts.indices.reduce(0) { $0 + (text.contains("f\($1)() {}") ? efforts[$1] : 0) }
    }
    #expect(loads.reduce(0, +) == efforts.reduce(0, +))
    #expect(loads.allSatisfy { $0 >= 40_000 && $0 <= 53_000 }, "\(loads)")
    // The same at every call, whichever of two alike comes first.
    #expect(CUnits(parts.map { ($0, 2) }).texts == units.texts)
  }
}
