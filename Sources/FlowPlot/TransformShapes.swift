/// How a flow bends each feature: z of the base over x, a line for each of some rows whose other features
/// and context stay as they are.
public struct TransformShapes: Sendable {
  private let lines: [[[Point]]]
  private let names: [String]

  /// Makes a picture of lines.
  ///
  /// - Parameters:
  ///   - lines: for each feature, lines of points (x, z).
  ///   - names: the features' names.
  public init(_ lines: [[[Point]]], names: [String]) { (self.lines, self.names) = (lines, names) }

  /// The picture.
  public var svg: SVG {
    let columns = min(max(lines.count, 1), 4)
    let rows = (lines.count + columns - 1) / columns
    let size = lines.count == 1 ? 360.0 : 200
    let (stepX, stepY) = (size + 72, size + 64)
    var svg = SVG(width: Double(columns) * stepX + 20, height: Double(rows) * stepY + 14)
    for (index, list) in lines.enumerated() {
      let xs = list.flatMap { $0.map(\.x) }.filter(\.isFinite)
      // A transform may leave the base's usual range by far where there are no data.
      let zs = list.flatMap { $0.map(\.y) }.filter(\.isFinite).map { min(max($0, -8), 8) }
      let panel = Panel(
        left: 60 + Double(index % columns) * stepX, top: 16 + Double(index / columns) * stepY,
        width: size, height: size, x: Scale.widened((xs.min() ?? 0)...(xs.max() ?? 1)),
        y: Scale.widened((zs.min() ?? -1)...(zs.max() ?? 1)))
      panel.grid(in: &svg, ticks: 4)
      panel.draw(in: &svg) { svg in
        for line in list {
          panel.line(
            line, in: &svg, color: Color.model, width: 1.2, opacity: list.count > 5 ? 0.45 : 1)
        }
      }
      panel.frame(
        in: &svg, xLabel: names[index], yLabel: "z", ticks: 4, labelOffset: 40)
    }
    return svg
  }
}
