/// Whether held-out rows look like the flow's own samples.
///
/// On the left, for each feature, the share of rows whose rank among samples for the row's context (the
/// probability integral transform) is at most p, less p. On the right, the share of rows that lie in the
/// smallest region which holds each share of the probability. Both are flat within the band for a calibrated
/// flow: 95 of 100 such lines stay in it (Kolmogorov's distribution).
public struct CalibrationPlot: Sendable {
  private let ranks: [[Double]]
  private let regions: [Double]
  private let names: [String]

  /// Makes a picture of ranks.
  ///
  /// - Parameters:
  ///   - ranks: for each feature, the rank of each row as a share, from 0 to 1.
  ///   - regions: for each row, the probability of the smallest region that reaches to it, from 0 to 1.
  ///   - names: the features' names.
  public init(ranks: [[Double]], regions: [Double], names: [String]) {
    (self.ranks, self.regions, self.names) = (ranks, regions, names)
  }

  /// The half-width of the band: the Kolmogorov statistic that 5 of 100 samples of this size exceed.
  public static func band(rows: Int) -> Double { 1.358 / Double(max(rows, 1)).squareRoot() }

  /// The largest distance between the share of numbers up to p and p.
  public static func distance(_ shares: [Double]) -> Double {
    let sorted = shares.sorted()
    let count = Double(max(sorted.count, 1))
    return sorted.enumerated().reduce(0) { worst, item in
      let (index, value) = (Double(item.offset), item.element)
      return max(worst, abs((index + 1) / count - value), abs(value - index / count))
    }
  }

  /// The picture.
  public var svg: SVG {
    var svg = SVG(width: 960, height: 440)
    let half = Self.band(rows: regions.count)
    let worst = max(half, ranks.map(Self.distance).max() ?? 0)
    let left = Panel(
      left: 76, top: 34, width: 340, height: 340, x: 0...1, y: -1.25 * worst...1.25 * worst)
    left.grid(in: &svg)
    left.draw(in: &svg) { svg in
      band(on: left, half, from: { _ in 0 }, in: &svg)
      for (index, ranks) in ranks.enumerated() {
        let color = Color.series[index % Color.series.count]
        let dashes = index < Color.series.count ? "" : "5 3"
        left.line(
          Self.shares(ranks).map { Point($0.x, $0.y - $0.x) }, in: &svg, color: color, width: 1.5,
          dashes: dashes)
      }
    }
    left.frame(
      in: &svg, xLabel: "p", yLabel: "share of rows with rank ≤ p, less p",
      title: "ranks of each feature", labelOffset: 56)
    var legend = Legend()
    for (index, name) in names.prefix(18).enumerated() {
      legend.entries.append(
        (
          index < Color.series.count ? .line : .dashes, Color.series[index % Color.series.count],
          name
        ))
    }
    legend.entries.append((.area, Color.band, "95 % band"))
    legend.draw(in: &svg, x: 426, y: 34)
    let right = Panel(left: 590, top: 34, width: 340, height: 340, x: 0...1, y: 0...1)
    right.grid(in: &svg)
    right.draw(in: &svg) { svg in
      band(on: right, half, from: { $0 }, in: &svg)
      right.line(Self.shares(regions), in: &svg, color: Color.model, width: 2)
    }
    right.frame(
      in: &svg, xLabel: "share of probability in the region", yLabel: "share of rows inside",
      title: "coverage")
    return svg
  }

  private func band(
    on panel: Panel, _ half: Double, from center: (Double) -> Double, in svg: inout SVG
  ) {
    let ends = [0.0, 1.0]
    let points =
      ends.map { Point($0, center($0) + half) }
      + ends.reversed().map { Point($0, center($0) - half) }
    svg.area([points.map(panel.pixel)], fill: Color.band, opacity: 0.8)
    panel.line(
      ends.map { Point($0, center($0)) }, in: &svg, color: Color.frame, width: 1, dashes: "3 3")
  }

  /// The share of numbers up to each of 201 places.
  static func shares(_ values: [Double]) -> [Point] {
    let sorted = values.sorted()
    var index = 0
    return (0...200).map { step in
      let place = Double(step) / 200
      while index < sorted.count, sorted[index] <= place { index += 1 }
      return Point(place, Double(index) / Double(max(sorted.count, 1)))
    }
  }
}
