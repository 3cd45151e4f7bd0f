/// All features of a sample, each alone and each with each other, over those of data.
///
/// On the diagonal stand densities: the sample's as a filled curve, the data's as a histogram. Below it stand
/// the smallest regions that hold 68 % and 95 %: the sample's filled, the data's as dashed lines.
public struct CornerPlot: Sendable {
  private let sample: [[Double]]
  private let data: [[Double]]?
  private let names: [String]
  private let ranges: [ClosedRange<Double>]

  /// The shares of the regions, the largest first.
  static let shares = [0.95, 0.68]

  /// Makes a picture of a sample.
  ///
  /// - Parameters:
  ///   - sample: the numbers of each feature in turn.
  ///   - data: the same of the data, or nil.
  ///   - names: the features' names.
  /// - Precondition: there are as many names, and lists of the data, as lists of the sample.
  public init(sample: [[Double]], data: [[Double]]?, names: [String]) {
    precondition(
      sample.count == names.count && (data?.count ?? names.count) == names.count,
      "each feature has a name, and numbers in the sample and the data")
    (self.sample, self.data, self.names) = (sample, data, names)
    ranges = sample.indices.map { index in
      let range = Summary.range(sample[index])
      return data.map { Summary.union(range, Summary.range($0[index])) } ?? range
    }
  }

  /// The picture.
  public var svg: SVG {
    let count = names.count
    let size = count > 6 ? 100.0 : count > 3 ? 130 : 170
    let gap = 10.0
    let (left, top) = (74.0, 16.0)
    let extent = Double(count) * (size + gap)
    // One feature leaves no room above the diagonal, so the legend stands beside the picture.
    let legendX = count == 1 ? left + size + 20 : left + extent - max(size, 150)
    var svg = SVG(width: left + extent + (count == 1 ? 160 : 10), height: top + extent + 44)
    for row in 0..<count {
      for column in 0...row {
        let axes: Panel.Axes =
          row == count - 1
          ? (column == 0 && row > 0 ? .both : .x) : column == 0 && row > 0 ? .y : []
        let place = (left + Double(column) * (size + gap), top + Double(row) * (size + gap))
        let panel =
          row == column
          ? diagonal(row, at: place, size, in: &svg) : plane(row, column, at: place, size, in: &svg)
        panel.frame(
          in: &svg, xLabel: row == count - 1 ? names[column] : "",
          yLabel: column == 0 && row > 0 ? names[row] : "",
          // How high a density stands says nothing here.
          ticked: row == column ? .x : .both, labelled: axes, ticks: 3, labelOffset: 52)
      }
    }
    var legend = Legend()
    legend.entries.append((.area, Color.shade(3, of: 6), "model: 68 % and 95 %"))
    if data != nil { legend.entries.append((.dashes, Color.data, "data: 68 % and 95 %")) }
    legend.draw(in: &svg, x: legendX, y: top)
    return svg
  }

  private func diagonal(
    _ index: Int, at place: (Double, Double), _ size: Double, in svg: inout SVG
  ) -> Panel {
    let range = ranges[index]
    let curve = SmoothDensity.curve(sample[index], in: range)
    let bins = data.map { Panel.steps($0[index], in: range, bins: 32) }
    let highest = max(curve.map(\.y).max() ?? 1, bins?.map(\.y).max() ?? 0)
    let panel = Panel(
      left: place.0, top: place.1, width: size, height: size, x: range,
      y: 0...max(highest * 1.08, 1e-300))
    panel.draw(in: &svg) { svg in
      let outline = curve.map(panel.pixel)
      let floor = place.1 + size
      if let first = outline.first, let last = outline.last {
        svg.area(
          [[Point(first.x, floor)] + outline + [Point(last.x, floor)]],
          fill: Color.shade(1, of: 6))
      }
      panel.line(curve, in: &svg, color: Color.model, width: 1.6)
      if let bins { panel.line(bins, in: &svg, color: Color.data, width: 1.2) }
    }
    return panel
  }

  private func plane(
    _ row: Int, _ column: Int, at place: (Double, Double), _ size: Double, in svg: inout SVG
  ) -> Panel {
    let panel = Panel(
      left: place.0, top: place.1, width: size, height: size, x: ranges[column], y: ranges[row])
    func outlines(_ numbers: [[Double]]) -> [[[Point]]] {
      let grid = SmoothDensity.grid(
        numbers[column], numbers[row], in: (ranges[column], ranges[row]))
      return SmoothDensity.levels(grid.values, shares: Self.shares).map { level in
        grid.outlines(from: level).map { $0.map(panel.pixel) }
      }
    }
    panel.draw(in: &svg) { svg in
      for (index, loops) in outlines(sample).enumerated() {
        svg.area(
          loops, fill: Color.shade(1 + 2 * index, of: 6), stroke: Color.model, width: 0.8)
      }
      for loops in data.map(outlines) ?? [] {
        for loop in loops {
          svg.line(
            loop + loop.prefix(1), color: Color.data, width: 1.3, dashes: "4 3")
        }
      }
    }
    return panel
  }
}
