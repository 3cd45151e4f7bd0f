/// A picture in the Scalable Vector Graphics format, written element by element.
///
/// Coordinates are in pixels, with the origin at the upper left. The text is the same on every machine, so
/// that pictures can be compared.
public struct SVG: Sendable {
  /// The width of the picture, in pixels.
  public let width: Double
  /// The height of the picture, in pixels.
  public let height: Double
  private var body = ""

  /// An empty picture with a white background.
  public init(width: Double, height: Double) {
    (self.width, self.height) = (width, height)
    rectangle(x: 0, y: 0, width: width, height: height, fill: Color.background)
  }

  /// The whole file.
  public var text: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" width="\(Self.number(width))" \
    height="\(Self.number(height))" viewBox="0 0 \(Self.number(width)) \(Self.number(height))" \
    font-family="Helvetica, Arial, sans-serif">
    \(body)</svg>

    """
  }

  /// A filled rectangle.
  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, fill: String, stroke: String = "none"
  ) {
    body +=
      "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\" "
      + "height=\"\(Self.number(height))\" fill=\"\(fill)\" stroke=\"\(stroke)\"/>\n"
  }

  /// Connected points, in pixels.
  mutating func line(
    _ points: [Point], color: String, width: Double = 1.5, opacity: Double = 1, dashes: String = ""
  ) {
    guard points.count > 1 else { return }
    let dashing = dashes.isEmpty ? "" : " stroke-dasharray=\"\(dashes)\""
    body +=
      "<path d=\"\(Self.path(points))\" fill=\"none\" stroke=\"\(color)\" stroke-width=\""
      + "\(Self.number(width))\" stroke-opacity=\"\(Self.number(opacity))\" "
      + "stroke-linejoin=\"round\"\(dashing)/>\n"
  }

  /// Closed loops, in pixels; a loop inside another is a hole.
  mutating func area(
    _ loops: [[Point]], fill: String, opacity: Double = 1, stroke: String = "none",
    width: Double = 1
  ) {
    let shapes = loops.filter { $0.count > 2 }
    guard !shapes.isEmpty else { return }
    let data = shapes.map { Self.path($0) + "Z" }.joined()
    body +=
      "<path d=\"\(data)\" fill=\"\(fill)\" fill-opacity=\"\(Self.number(opacity))\" "
      + "fill-rule=\"evenodd\" stroke=\"\(stroke)\" stroke-width=\"\(Self.number(width))\"/>\n"
  }

  /// Dots, in pixels.
  mutating func dots(_ points: [Point], radius: Double, color: String, opacity: Double) {
    guard !points.isEmpty else { return }
    // A line of no length with round ends is a dot: one element for all of them.
    let data = points.map { "M\(Self.number($0.x)) \(Self.number($0.y))h0" }.joined()
    body +=
      "<path d=\"\(data)\" stroke=\"\(color)\" stroke-opacity=\"\(Self.number(opacity))\" "
      + "stroke-width=\"\(Self.number(2 * radius))\" stroke-linecap=\"round\"/>\n"
  }

  /// Where a text stands with respect to its point.
  enum Anchor: String {
    case start, middle, end
  }

  /// One line of text; `turned` reads upwards.
  mutating func label(
    _ text: String, x: Double, y: Double, size: Double = 11, anchor: Anchor = .middle,
    color: String = Color.text, turned: Bool = false, isBold: Bool = false
  ) {
    let turn = turned ? " transform=\"rotate(-90 \(Self.number(x)) \(Self.number(y)))\"" : ""
    let weight = isBold ? " font-weight=\"bold\"" : ""
    body +=
      "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(Self.number(size))\" "
      + "text-anchor=\"\(anchor.rawValue)\" fill=\"\(color)\"\(weight)\(turn)>"
      + "\(Self.escaped(text))</text>\n"
  }

  /// Everything that `draw` adds is cut off at a rectangle.
  mutating func clipped(
    x: Double, y: Double, width: Double, height: Double, _ draw: (inout SVG) -> Void
  ) {
    body +=
      "<svg x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\" "
      + "height=\"\(Self.number(height))\" viewBox=\"\(Self.number(x)) \(Self.number(y)) "
      + "\(Self.number(width)) \(Self.number(height))\">\n"
    draw(&self)
    body += "</svg>\n"
  }

  private static func path(_ points: [Point]) -> String {
    var text = ""
    var last: (String, String)?
    for point in points {
      let here = (number(point.x), number(point.y))
      if let last, last == here { continue }
      text += "\(last == nil ? "M" : "L")\(here.0) \(here.1)"
      last = here
    }
    return text
  }

  /// A number with at most two decimals: a hundredth of a pixel can't be seen.
  static func number(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e9 else { return "0" }
    return Decimal.text(value, places: 2, trimmed: true)
  }

  /// Text with the characters that XML reserves written as entities; control characters, which XML
  /// forbids, become spaces.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case _ where scalar.value < 32 || scalar.value == 0xFFFE || scalar.value == 0xFFFF:
        result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

/// A point, of the data or of the picture.
public struct Point: Hashable, Sendable {
  /// To the right.
  public var x: Double
  /// Upwards for the data, downwards in the picture.
  public var y: Double

  /// Makes a point.
  public init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
}

/// The colours of all pictures, which people who see few colours can tell apart (Okabe and Ito, "Color
/// universal design", 2008).
enum Color {
  static let background = "#ffffff"
  static let text = "#222222"
  static let grid = "#e6e6e6"
  static let frame = "#888888"
  /// What the model says.
  static let model = "#0072b2"
  /// What the data say.
  static let data = "#d55e00"
  /// Where a result should lie.
  static let band = "#dddddd"
  /// From the least to the greatest density.
  static func shade(_ level: Int, of count: Int) -> String {
    let t = count < 2 ? 1 : Double(level) / Double(count - 1)
    // From nearly white over the model's blue to a dark blue.
    let stops: [(Double, Double, Double)] = [(232, 241, 250), (90, 160, 210), (0, 52, 102)]
    let (low, high, part) = t < 0.5 ? (stops[0], stops[1], 2 * t) : (stops[1], stops[2], 2 * t - 1)
    let parts = [(low.0, high.0), (low.1, high.1), (low.2, high.2)].map { low, high in
      Int((low + part * (high - low)).rounded())
    }
    return "#" + parts.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
  /// Lines of several features or rows.
  static let series = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555"]
}
