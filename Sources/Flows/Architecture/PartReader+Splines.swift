import FlowFiles

/// Splines of nflows without fractions.
extension PartReader {
  /// A spline of straight lines, parabolas or cubics.
  func piecewise(
    _ inner: DescriptionReader, shapes: [[Int]]?, place: String
  ) throws(FlowError) -> Univariate {
    var visitor = ArgumentVisitor(inner, place: inner.place, release: release)
    var hasTails = true
    try visitor.flag("linear_tails", &hasTails, default: true)
    var bound: Double?
    if hasTails {
      var given = 1.0
      try visitor.number("bound", &given, expected: "a positive number") { $0 > 0 }
      bound = given
    }
    let box = bound
    let bins = shapes?.first?.first ?? 10
    let isCubic = inner.type == "PiecewiseCubicSpline"
    let expected =
      switch inner.type {
      case "PiecewiseLinearSpline": [[bins]]
      case "PiecewiseQuadraticSpline": [[bins], [hasTails ? bins - 1 : bins + 1]]
      default: [[bins], [bins], [], []]
      }
    guard bins >= 2, shapes == expected else {
      throw .invalid(
        place: place, found: shapes.map { "\($0)" } ?? "nothing",
        expected: "\(expected) for \(inner.type), and 2 bins or more")
    }
    guard inner.type != "PiecewiseLinearSpline" else {
      try inner.allow(visitor.keys)
      return Univariate(shapes: expected) { PiecewiseLinearSpline(logits: $0[0], bound: box) }
    }
    var (width, height) = (1e-3, 1e-3)
    let share = 1 / Double(bins)
    try visitor.number(
      "min_bin_width", &width, expected: "a share of less than 1 / \(bins)"
    ) { 0 <= $0 && $0 < share }
    try visitor.number(
      "min_bin_height", &height,
      expected: isCubic ? "a share of less than 1 / \(bins)" : "a number of 0 to less than 1"
    ) { 0 <= $0 && $0 < (isCubic ? share : 1) }
    try inner.allow(visitor.keys)
    let (leastWidth, leastHeight) = (width, height)
    guard isCubic else {
      return Univariate(shapes: expected) {
        PiecewiseQuadraticSpline(
          widths: $0[0], heights: $0[1], bound: box, leastWidth: leastWidth,
          leastHeight: leastHeight)
      }
    }
    return Univariate(shapes: expected) {
      PiecewiseCubicSpline(
        widths: $0[0], heights: $0[1], left: $0[2], right: $0[3], bound: box,
        leastWidth: leastWidth, leastHeight: leastHeight)
    }
  }
}
