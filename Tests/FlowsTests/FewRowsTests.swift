import FlowIR
import Flows
import Testing

/// Calls of few rows, whose tiles compute one vector of rows or one row.
@Suite struct FewRowsTests {
  @Test(
    "a row has the same bits alone, among few and among many, as every flow scores and samples",
    arguments: ["MAF", "NSF", "GF", "NAF", "UNAF", "SOSPF", "BPF", "CNF", "NICE", "RealNVP"])
  func bits(name: String) throws {
    try check(name, Float.self)
    if ["UNAF", "RealNVP"].contains(name) { try check(name, Double.self) }
  }

  /// The networks are wide enough for products of one row; some have outputs for several blocks of panels
  /// side by side, and inputs for panels that follow each other.
  private func check<Element: FlowScalar>(_ name: String, _: Element.Type) throws {
    let network = name.hasSuffix("NAF") ? #", "network": {"hidden_features": [30, 26]}"# : ""
    let sizes = ["NICE", "RealNVP"].contains(name) ? "[230, 1400, 40]" : "[70, 64]"
    let hidden = name == "GF" ? "" : #", "hidden_features": \#(sizes)"#
    let flow = name == "CNF" ? "" : #", "transforms": 2"#
    let text = #"{"type": "\#(name)", "features": 3, "context": 2\#(flow)\#(hidden)\#(network)}"#
    let compiled = try Model(FlowDescription(text: text), seed: 5).compiled(Element.self)
    let all = 80
    func numbers(_ rows: Int, _ columns: Int, from row: Int = 0) -> Rows<Element> {
      Rows(
        (row * columns..<(row + rows) * columns).map {
          Element(4 * (Double($0) * 0.618034).truncatingRemainder(dividingBy: 1) - 2)
        }, columns: columns)
    }
    let context = numbers(all, 2)
    let logProb = try compiled.logProb(numbers(all, 3), context: context)
    let sample = try compiled.sample(all, context: context, seed: 3)
    for (start, count) in [(0, 1), (0, 2), (0, 17), (0, 63), (7, 1), (79, 1), (11, 5), (30, 33)] {
      let rows = start..<start + count
      let some = numbers(count, 2, from: start)
      #expect(
        try compiled.logProb(numbers(count, 3, from: start), context: some)
          == Array(logProb[rows]), "log_prob of rows \(rows)")
      var x = [Element](repeating: 0, count: count * 3)
      var density = [Element](repeating: 0, count: count)
      try compiled.sample(
        context: some, seed: 3, firstRow: start, into: &x, logProb: &density)
      #expect(x == Array(sample.x.values[start * 3..<(start + count) * 3]), "rows \(rows)")
      #expect(density == Array(sample.logProb[rows]), "density of rows \(rows)")
    }
  }
}
