/// A rectangle of a picture with two axes.
struct Panel {
  let x: Scale
  let y: Scale
  let left: Double
  let top: Double
  let width: Double
  let height: Double

  init(
    left: Double, top: Double, width: Double, height: Double, x: ClosedRange<Double>,
    y: ClosedRange<Double>
  ) {
    (self.left, self.top, self.width, self.height) = (left, top, width, height)
    self.x = Scale(x, pixels: left, left + width)
    self.y = Scale(y, pixels: top + height, top)
  }

  /// Where a point of the data lies in the picture.
  func pixel(_ point: Point) -> Point { Point(x(point.x), y(point.y)) }

  /// Draws within the panel; what reaches beyond is cut off.
  func draw(in svg: inout SVG, _ body: (inout SVG) -> Void) {
    svg.clipped(x: left, y: top, width: width, height: height, body)
  }

  /// One axis, or both.
  struct Axes: OptionSet {
    let rawValue: Int
    static let x = Axes(rawValue: 1)
    static let y = Axes(rawValue: 2)
    static let both: Axes = [.x, .y]
  }

  /// Draws lines across the panel at the ticks; meant to be drawn first.
  func grid(in svg: inout SVG, ticks: Int = 5) {
    for tick in x.ticks(ticks) {
      let place = x(tick.value)
      svg.line(
        [Point(place, top), Point(place, top + height)], color: Color.grid, width: 0.75)
    }
    for tick in y.ticks(ticks) {
      let place = y(tick.value)
      svg.line(
        [Point(left, place), Point(left + width, place)], color: Color.grid, width: 0.75)
    }
  }

  /// Draws the frame, the ticks of some axes and the labels of some; meant to be drawn last.
  func frame(
    in svg: inout SVG, xLabel: String = "", yLabel: String = "", title: String = "",
    ticked: Axes = .both, labelled: Axes = .both, ticks: Int = 5, labelOffset: Double = 44
  ) {
    svg.rectangle(
      x: left, y: top, width: width, height: height, fill: "none", stroke: Color.frame)
    let bottom = top + height
    for tick in ticked.contains(.x) ? x.ticks(ticks) : [] {
      let place = x(tick.value)
      svg.line(
        [Point(place, bottom), Point(place, bottom + 4)], color: Color.frame, width: 1)
      if labelled.contains(.x) { svg.label(tick.label, x: place, y: bottom + 16, size: 10) }
    }
    for tick in ticked.contains(.y) ? y.ticks(ticks) : [] {
      let place = y(tick.value)
      svg.line([Point(left - 4, place), Point(left, place)], color: Color.frame, width: 1)
      if labelled.contains(.y) {
        svg.label(tick.label, x: left - 7, y: place + 3.5, size: 10, anchor: .end)
      }
    }
    if !xLabel.isEmpty { svg.label(xLabel, x: left + width / 2, y: bottom + 34, size: 12) }
    if !yLabel.isEmpty {
      svg.label(yLabel, x: left - labelOffset, y: top + height / 2, size: 12, turned: true)
    }
    if !title.isEmpty {
      svg.label(title, x: left + width / 2, y: top - 8, size: 12, isBold: true)
    }
  }

  /// Connected points of the data; a point that is not finite interrupts them.
  func line(
    _ points: [Point], in svg: inout SVG, color: String, width: Double = 1.6, opacity: Double = 1,
    dashes: String = ""
  ) {
    var run: [Point] = []
    for point in points {
      if point.x.isFinite, point.y.isFinite {
        run.append(pixel(point))
      } else {
        svg.line(run, color: color, width: width, opacity: opacity, dashes: dashes)
        run = []
      }
    }
    svg.line(run, color: color, width: width, opacity: opacity, dashes: dashes)
  }

  /// The outline of a histogram of density, over the panel's x axis.
  func histogram(_ values: [Double], bins: Int, in svg: inout SVG, color: String) {
    line(Self.steps(values, in: x.domain, bins: bins), in: &svg, color: color, width: 1.4)
  }

  /// The points of a histogram's outline; its area is the share of the numbers that lie in the range.
  static func steps(_ values: [Double], in range: ClosedRange<Double>, bins: Int) -> [Point] {
    let width = (range.upperBound - range.lowerBound) / Double(bins)
    var counts = [Int](repeating: 0, count: bins)
    for value in values where range.contains(value) {
      counts[min(Int((value - range.lowerBound) / width), bins - 1)] += 1
    }
    let total = Double(max(values.count, 1)) * width
    var points = [Point(range.lowerBound, 0)]
    for (index, count) in counts.enumerated() {
      let low = range.lowerBound + Double(index) * width
      let height = Double(count) / total
      points += [Point(low, height), Point(low + width, height)]
    }
    return points + [Point(range.upperBound, 0)]
  }
}

/// The lines of a legend.
struct Legend {
  enum Mark {
    case line, dashes, dot, area
  }

  var entries: [(mark: Mark, color: String, text: String)] = []

  /// Draws the legend with its upper left corner at a point.
  func draw(in svg: inout SVG, x: Double, y: Double) {
    for (index, entry) in entries.enumerated() {
      let middle = y + 8 + 17 * Double(index)
      switch entry.mark {
      case .line: svg.line([Point(x, middle), Point(x + 18, middle)], color: entry.color, width: 2)
      case .dashes:
        svg.line(
          [Point(x, middle), Point(x + 18, middle)], color: entry.color, width: 1.6, dashes: "4 3")
      case .dot: svg.dots([Point(x + 9, middle)], radius: 2.5, color: entry.color, opacity: 1)
      case .area:
        svg.rectangle(x: x, y: middle - 5, width: 18, height: 10, fill: entry.color)
      }
      svg.label(entry.text, x: x + 24, y: middle + 4, size: 11, anchor: .start)
    }
  }
}
