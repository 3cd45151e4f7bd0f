import Testing

@testable import FlowCodegen

/// How the C of several functions is divided into translation units.
@Suite struct UnitTests {
  private static func function(_ name: String, effort: Int) -> CPart {
    CPart("\(name)() {}", .anywhere, name: name, declaration: "\(name)();", effort: effort)
  }

  @Test("each part has its unit, others declare what they call, and macros are in all")
  func places() {
    let units = CUnits([
      (CPart("macro", .everywhere), 1),
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
        "macro\nlayer();\na_tile\na_prepare() {}\na_run() {}\nb_run();",
        "macro\npanel\nlayer() {}\na_prepare();\na_run();\nb_run();",
        "macro\nlayer();\na_prepare();\na_run();\nb_tile\nb_run() {}",
      ])
    #expect(units.names == ["layer", "a_prepare", "a_run", "b_run"])
  }

  @Test("tables are where code has their names, and are not called from elsewhere")
  func tables() {
    func table(_ number: Int) -> (CPart, Int) {
      (CPart("int table_\(number)[];", .whereNamed, name: "table_\(number)"), 1)
    }
    let units = CUnits([
      table(1), table(11), table(2), (CPart("panel(table_11)", .products), 1),
      (CPart("tile(table_1, table_2)", .running), 1),
      (CPart("pack(table_1)", .running), 2),
    ])
    #expect(
      units.texts == [
        "int table_1[];\nint table_2[];\ntile(table_1, table_2)",
        "int table_11[];\npanel(table_11)", "int table_1[];\npack(table_1)",
      ])
    #expect(units.names.isEmpty)
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
    let all = zip(loads, [CUnits.ofPacking + CUnits.ofLoops, CUnits.ofProducts, CUnits.ofLoops])
      .map(+)
    let mean = all.reduce(0, +) / 3
    #expect(all.allSatisfy { abs($0 - mean) <= 10_000 }, "\(all)")
    // The same at every call, whichever of two alike comes first.
    #expect(CUnits(parts.map { ($0, 2) }).texts == units.texts)
  }
}
