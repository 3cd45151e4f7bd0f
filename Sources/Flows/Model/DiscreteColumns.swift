import FlowFiles

/// A feature whose numbers are those of a grid, such as counts, grades or rounded measurements: `origin` and
/// whole numbers of steps from it. Its cell is half a step to either side.
public struct DiscreteColumn: Sendable, Hashable {
  /// The feature, counted from 0.
  public var feature: Int
  /// The distance between neighbours.
  public var step: Double
  /// One of the numbers.
  public var origin: Double

  /// Makes a column; whole numbers if nothing else is said.
  public init(feature: Int, step: Double = 1, origin: Double = 0) {
    (self.feature, self.step, self.origin) = (feature, step, origin)
  }

  /// The number of the grid that is nearest.
  public func nearest(_ x: Double) -> Double {
    origin + step * ((x - origin) / step).rounded()
  }

  /// Whether a number is one of the grid, up to a thousandth of a step.
  public func holds(_ x: Double) -> Bool { abs(x - nearest(x)) <= 1e-3 * step }

  /// The key of the columns in a model file's metadata.
  static let key = "flowir.discrete"

  /// The column as a JSON object.
  public var json: JSONValue {
    .object([
      .init("feature", .integer(feature)), .init("step", .number(step)),
      .init("origin", .number(origin)),
    ])
  }

  /// Reads a list of columns; nil if it is none.
  public static func list(_ json: JSONValue) -> [DiscreteColumn]? {
    func number(_ value: JSONValue?) -> Double? {
      switch value {
      case .integer(let number)?: Double(number)
      case .number(let number)?: number
      case .null?, .bool?, .string?, .array?, .object?, nil: nil
      }
    }
    guard case .array(let items) = json else { return nil }
    var found: [DiscreteColumn] = []
    for item in items {
      guard case .integer(let feature)? = item["feature"], let step = number(item["step"]),
        let origin = number(item["origin"])
      else { return nil }
      found.append(DiscreteColumn(feature: feature, step: step, origin: origin))
    }
    return found
  }
}

extension Bounds {
  /// The box of these bounds, with those of discrete features at the ends of cells: it has the whole cells of the
  /// numbers that are inside, and no part of another.
  ///
  /// - Throws: `FlowError` for a feature of whose grid no number is inside.
  public func wholeCells(of columns: [DiscreteColumn]) throws(FlowError) -> Bounds {
    var (lower, upper) = (lower, upper)
    for column in columns {
      let (low, high) = (lower[column.feature], upper[column.feature])
      var (first, last) = (column.nearest(low), column.nearest(high))
      if first < low, !column.holds(low) { first += column.step }
      if last > high, !column.holds(high) { last -= column.step }
      guard first <= last || low.isInfinite || high.isInfinite else {
        throw .invalid(
          place: "box[\(column.feature)]", found: "\(low) to \(high)",
          expected:
            "a number of the grid \(column.origin), \(column.origin + column.step), … inside")
      }
      if low.isFinite { lower[column.feature] = first - column.step / 2 }
      if high.isFinite { upper[column.feature] = last + column.step / 2 }
    }
    return try Bounds(lower: lower, upper: upper)
  }
}

extension Model {
  /// Makes features discrete: `fit` adds noise that is uniform over their cells, new in each epoch, so that
  /// the flow learns a density whose integral over a cell is the number's probability. `DiscreteMass` gives
  /// that, and the command rounds samples.
  ///
  /// Bounds of such a feature belong half a step outside of its least and largest numbers.
  ///
  ///     try flow.model.setDiscrete([DiscreteColumn(feature: 2)])      // counts
  ///
  /// - Throws: `FlowError` for a feature that there is not, is given twice or is on a circle, or a step that
  ///   is not positive.
  public mutating func setDiscrete(_ columns: [DiscreteColumn]) throws(FlowError) {
    for (index, column) in columns.enumerated() {
      func wrong(_ found: String, _ expected: String) -> FlowError {
        .invalid(place: "discrete[\(index)]", found: found, expected: expected)
      }
      guard (0..<features).contains(column.feature) else {
        throw wrong("feature \(column.feature)", "a feature below \(features)")
      }
      guard !columns[..<index].contains(where: { $0.feature == column.feature }) else {
        throw wrong("feature \(column.feature) again", "each feature once")
      }
      guard !circular.contains(column.feature) else {
        throw wrong("feature \(column.feature), which is on a circle", "another feature")
      }
      guard column.step > 0, column.step.isFinite, column.origin.isFinite else {
        throw wrong("a step of \(column.step)", "a positive number")
      }
    }
    discrete = columns.sorted { $0.feature < $1.feature }
  }

  /// Reads the discrete columns that a file's metadata state.
  mutating func readDiscrete(_ file: SafetensorsFile, path: String) throws {
    guard let text = file.metadata[DiscreteColumn.key] else { return }
    do {
      guard let columns = DiscreteColumn.list(try JSONValue.parse(text.utf8)) else {
        throw FlowError.invalid(place: "discrete", found: text, expected: "a list of columns")
      }
      try setDiscrete(columns)
    } catch {
      throw FileError.malformed(
        path: path, offset: 8, reason: "'\(DiscreteColumn.key)' in its metadata: \(error)")
    }
  }
}

/// Noise that is uniform over the cells of discrete columns, a function of seed, epoch and row alone.
struct CellNoise {
  let columns: [DiscreteColumn]
  let features: Int
  let seed: UInt64

  /// The epoch of the rows that epochs are judged on, which have the same noise in all of them.
  static let judging = 0

  /// Adds the noise of an epoch, from 1, to rows of some numbers.
  func add(to x: inout [Float], rows: ArraySlice<Int>, epoch: Int) {
    guard !columns.isEmpty else { return }
    for (place, row) in rows.enumerated() {
      var first = SeededGenerator(seed: seed ^ UInt64(epoch) &* 0xd1b5_4a32_d192_ed03)
      var generator = SeededGenerator(
        seed: first.next() ^ UInt64(row) &* 0xaef1_7502_108e_f2d9)
      for column in columns {
        let index = place * features + column.feature
        x[index] = Float(Double(x[index]) + column.step * (generator.uniform() - 0.5))
      }
    }
  }
}
