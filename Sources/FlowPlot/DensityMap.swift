/// Densities over the plane, one panel for each context, with data on top.
public struct DensityMap: Sendable {
  /// One panel.
  public struct Part: Sendable {
    /// What stands above it.
    public var title: String
    /// Log-densities, in nats.
    public var logDensities: Grid
    /// The data.
    public var points: [Point]

    /// Makes a panel.
    public init(title: String, logDensities: Grid, points: [Point]) {
      (self.title, self.logDensities, self.points) = (title, logDensities, points)
    }
  }

  private let parts: [Part]
  private let names: (x: String, y: String)

  /// The shares of probability whose smallest regions are drawn, the largest first.
  static let shares = [0.999, 0.99, 0.95, 0.9, 0.8, 0.65, 0.5, 0.35, 0.2, 0.1]

  /// Makes a picture of panels.
  ///
  /// - Parameters:
  ///   - parts: the panels.
  ///   - names: the names of the two features.
  /// - Precondition: there is a part.
  public init(_ parts: [Part], names: (x: String, y: String)) {
    precondition(!parts.isEmpty, "a picture has a part")
    (self.parts, self.names) = (parts, names)
  }

  /// The picture.
  public var svg: SVG {
    let columns = min(parts.count, 3)
    let rows = (parts.count + columns - 1) / columns
    let size = parts.count == 1 ? 420.0 : 260
    let (stepX, stepY) = (size + 76, size + 78)
    var svg = SVG(width: Double(columns) * stepX + 96, height: Double(rows) * stepY + 8)
    for (index, part) in parts.enumerated() {
      let grid = part.logDensities
      let panel = Panel(
        left: 66 + Double(index % columns) * stepX, top: 30 + Double(index / columns) * stepY,
        width: size, height: size, x: (grid.xs.first ?? 0)...(grid.xs.last ?? 1),
        y: (grid.ys.first ?? 0)...(grid.ys.last ?? 1))
      draw(part, on: panel, in: &svg)
      panel.frame(in: &svg, xLabel: names.x, yLabel: names.y, title: part.title)
    }
    bar(in: &svg, left: Double(columns) * stepX + 12, top: 30, height: min(size, 260))
    return svg
  }

  private func draw(_ part: Part, on panel: Panel, in svg: inout SVG) {
    var densities = part.logDensities
    let top = densities.values.filter(\.isFinite).max() ?? 0
    densities.values = densities.values.map { $0.isNaN ? 0 : Summary.exponential($0 - top) }
    let levels = SmoothDensity.levels(densities.values, shares: Self.shares)
    panel.draw(in: &svg) { svg in
      for (index, level) in levels.enumerated() where level > 0 {
        let loops = densities.outlines(from: level).map { $0.map(panel.pixel) }
        svg.area(loops, fill: Color.shade(index, of: levels.count))
      }
      let points = part.points.map(panel.pixel)
      svg.dots(points, radius: 1.1, color: Color.data, opacity: points.count > 500 ? 0.45 : 0.75)
    }
  }

  /// What the shades mean.
  private func bar(in svg: inout SVG, left: Double, top: Double, height: Double) {
    svg.label("share", x: left + 8, y: top - 18, size: 10)
    svg.label("inside", x: left + 8, y: top - 6, size: 10)
    let step = height / Double(Self.shares.count)
    for (index, share) in Self.shares.enumerated() {
      let y = top + height - Double(index + 1) * step
      svg.rectangle(
        x: left, y: y, width: 16, height: step, fill: Color.shade(index, of: Self.shares.count))
      let text = Decimal.text(100 * share, places: 1, trimmed: true)
      svg.label("\(text) %", x: left + 21, y: y + step / 2 + 3.5, size: 10, anchor: .start)
    }
  }
}
