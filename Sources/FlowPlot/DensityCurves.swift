/// Densities of one feature, a curve for each context, with a histogram of the data.
public struct DensityCurves: Sendable {
  private let curves: [(title: String, points: [Point])]
  private let data: [Double]
  private let name: String

  /// Makes a picture of curves.
  ///
  /// - Parameters:
  ///   - curves: densities (not their logarithms) in the order of x, with the name of each curve.
  ///   - data: the data, or nothing.
  ///   - name: the feature's name.
  public init(_ curves: [(title: String, points: [Point])], data: [Double], name: String) {
    (self.curves, self.data, self.name) = (curves, data, name)
  }

  /// The picture.
  public var svg: SVG {
    let xs = curves.flatMap { $0.points.map(\.x) }.filter(\.isFinite)
    let range = Scale.widened((xs.min() ?? 0)...(xs.max() ?? 1))
    let bins = Panel.steps(data, in: range, bins: 48)
    let highest = max(
      curves.flatMap { $0.points.map(\.y) }.filter(\.isFinite).max() ?? 1,
      data.isEmpty ? 0 : bins.map(\.y).max() ?? 0)
    var svg = SVG(width: 700, height: 430)
    let panel = Panel(
      left: 76, top: 30, width: 440, height: 340, x: range, y: 0...max(highest * 1.06, 1e-300))
    panel.grid(in: &svg)
    var legend = Legend()
    panel.draw(in: &svg) { svg in
      if !data.isEmpty {
        svg.area([bins.map(panel.pixel)], fill: Color.band)
      }
      for (index, curve) in curves.enumerated() {
        let color = Color.series[index % Color.series.count]
        let dashes = index < Color.series.count ? "" : "5 3"
        panel.line(curve.points, in: &svg, color: color, width: 2, dashes: dashes)
      }
    }
    for (index, curve) in curves.enumerated() {
      let color = Color.series[index % Color.series.count]
      legend.entries.append(
        (
          index < Color.series.count ? .line : .dashes, color,
          curve.title.isEmpty ? "model" : curve.title
        ))
    }
    if !data.isEmpty { legend.entries.append((.area, Color.band, "data")) }
    panel.frame(in: &svg, xLabel: name, yLabel: "density", labelOffset: 54)
    legend.draw(in: &svg, x: 530, y: 34)
    return svg
  }
}
