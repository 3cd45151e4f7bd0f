import Foundation
import Testing

@testable import FlowPlot

@Suite struct PictureTests {
  /// Whether each element of a text is closed in its turn, and what it contains is escaped.
  static func isWellFormed(_ text: String) -> Bool {
    var open: [Substring] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "<") {
      guard let end = rest[start...].firstIndex(of: ">") else { return false }
      let tag = rest[rest.index(after: start)..<end]
      if tag.hasPrefix("/") {
        guard open.popLast() == tag.dropFirst() else { return false }
      } else if !tag.hasSuffix("/") {
        open.append(tag.prefix { $0 != " " })
      }
      rest = rest[rest.index(after: end)...]
    }
    return open.isEmpty
  }

  private static func wave(_ count: Int, _ phase: Double) -> [Double] {
    (0..<count).map { Summary.sine(Double($0) * 0.37 + phase) }
  }

  private static func pictures(_ name: String) -> [SVG] {
    let columns = (0..<3).map { wave(400, Double($0)) }
    let points = wave(50, 0).enumerated().map { Point(Double($0.offset), $0.element) }
    let places = Grid.points(-1...1, count: 20)
    let grid = Grid(
      xs: places, ys: places, values: places.flatMap { y in places.map { -($0 * $0 + y * y) } })
    return [
      CornerPlot(sample: columns, data: columns, names: [name, "b", "c"]).svg,
      CornerPlot(sample: [columns[0]], data: nil, names: [name]).svg,
      DensityMap(
        [.init(title: name, logDensities: grid, points: points)], names: (name, "y")
      ).svg,
      DensityCurves([(name, points), ("b", points)], data: columns[0], name: name).svg,
      CalibrationPlot(ranks: columns, regions: columns[0], names: [name, "b", "c"]).svg,
      TransformShapes([[points], [points]], names: [name, "b"]).svg,
      TrainingCurves(train: points, validation: points, best: 3).svg,
    ]
  }

  @Test("every picture is well-formed, shows its names, and is the same each time")
  func wellFormed() {
    for (svg, again) in zip(Self.pictures("mass"), Self.pictures("mass")) {
      #expect(Self.isWellFormed(svg.text))
      #expect(svg.text == again.text && !svg.text.contains("nan") && !svg.text.contains("inf"))
    }
    for svg in Self.pictures("mass").dropLast() { #expect(svg.text.contains("mass")) }
  }

  @Test("names with the characters of XML can't break a picture")
  func hostileNames() {
    let name = "<b & \"c\"></svg><script>\u{1}"
    for svg in Self.pictures(name).dropLast() {
      #expect(Self.isWellFormed(svg.text))
      #expect(!svg.text.contains("<script") && !svg.text.contains("\u{1}"))
      #expect(svg.text.contains("&lt;b &amp; &quot;c&quot;&gt;"))
    }
  }

  @Test("empty, constant and infinite numbers give a picture")
  func degenerate() {
    let odd: [[Double]] = [[], [1, 1, 1], [.infinity, -.infinity], [.nan], [1e300, -1e300]]
    for values in odd {
      let points = values.map { Point($0, $0) }
      let texts = [
        CornerPlot(sample: [values, values], data: [values, values], names: ["a", "b"]).svg.text,
        DensityCurves([("", points)], data: values, name: "a").svg.text,
        CalibrationPlot(ranks: [values], regions: values, names: ["a"]).svg.text,
        TransformShapes([[points]], names: ["a"]).svg.text,
        TrainingCurves(train: points, validation: [], best: nil).svg.text,
      ]
      for text in texts { #expect(Self.isWellFormed(text), "\(values)") }
    }
  }
}
