import Flows

/// What makes training data unfit for a density, or for float32, each in one sentence that says what to do.
struct TrainingNotes {
  private let x: TrainingData
  private let context: TrainingData?
  private var columns: [ColumnSummary]
  private var conditions: [ColumnSummary]
  private var sample: RowSample
  private var repeats: RepeatedRows

  /// How many rows the width of a column is found in.
  private static let sampled = 100_000
  /// How many of the first rows are kept, to see whether their numbers stay distinct in float32.
  private static let kept = 10_000

  /// Begins with no rows of the tables that a model is about to be fitted to. What is kept of tables that are
  /// streamed is a part of `memory`.
  init(_ x: TrainingData, _ context: TrainingData?, _ model: Model, memory: TrainingMemory) {
    (self.x, self.context) = (x, context)
    let intervals = model.description.map(ShapedInterval.intervals) ?? []
    let width = x.columns + (context?.columns ?? 0)
    func most(_ wanted: Int, bytes: Int) -> Int {
      x.file == nil ? wanted : memory.sampledRows(wanted, bytes: bytes)
    }
    let kept = most(Self.kept, bytes: 8 * width)
    columns = (0..<x.columns).map { column in
      ColumnSummary(
        keeping: kept,
        interval: column < intervals.count ? intervals[column] : nil,
        bounds: model.bounds.map { ($0.lower[column], $0.upper[column]) })
    }
    conditions = Array(
      repeating: ColumnSummary(keeping: kept), count: context?.columns ?? 0)
    sample = RowSample(rows: x.rows, most: most(Self.sampled, bytes: 8 * x.columns))
    // A dictionary's entry with the space that is left free for others.
    repeats = RepeatedRows(most: x.file == nil ? 1_000_000 : most(100_000, bytes: 40))
  }

  /// Looks at the next rows.
  mutating func add(_ chunk: TableChunk, _ other: TableChunk?) {
    let places = sample.places(in: chunk.first..<chunk.first + chunk.rows)
    var hashes = RowHashes(count: chunk.rows)
    for column in columns.indices {
      let numbers = chunk.column(column)
      hashes.add(numbers)
      columns[column].add(numbers, sampled: places)
    }
    if let other {
      for column in conditions.indices {
        let numbers = other.column(column)
        hashes.add(numbers)
        conditions[column].add(numbers, sampled: [])
      }
    }
    repeats.add(hashes)
  }

  /// Whether a column of x has negative numbers.
  func isNegative(_ column: Int) -> Bool {
    columns.indices.contains(column) && columns[column].isNegative
  }

  /// The sentences, for a model that has the units of all rows.
  func texts(_ model: Model) -> [String] {
    var texts: [String] = []
    var discrete = 0
    let centre = model.rowUnits?.centre
    for (column, summary) in columns.enumerated() {
      let place = "\(x.path): column \(column + 1)"
      if summary.distinct.count == 1, x.rows > 1 {
        texts.append(
          "\(place) is \(summary.first) in all rows, so that its density has no width; leave it out with "
            + "--columns")
      } else if model.discrete.contains(where: { $0.feature == column }) {
        discrete += 1
      } else if summary.distinct.count * 20 <= x.rows,
        summary.distinct.count <= ColumnSummary.fewest
      {
        texts.append(
          "\(place) has \(summary.distinct.count) distinct numbers in \(x.rows) rows, so that its "
            + "density grows without end; give --discrete \(column + 1), or make it a context")
        discrete += 1
      }
      if let units = model.units {
        if let text = Self.outliers(summary, units.scale[column]) {
          texts.append("\(place)\(text)")
        } else if let text = Self.merging(summary, x, centre: units.centre[column]) {
          texts.append("\(place)\(text)")
        }
      } else if model.bounds != nil {
        if let text = edges(summary) { texts.append("\(place)\(text)") }
        if let text = Self.merging(summary, x, centre: centre?[column]) {
          texts.append("\(place)\(text)")
        }
      } else {
        if let text = interval(summary, model.description) { texts.append("\(place)\(text)") }
        if let text = Self.merging(summary, x, centre: nil) { texts.append("\(place)\(text)") }
      }
    }
    if let context {
      for (column, summary) in conditions.enumerated() {
        let place = "\(context.path): column \(column + 1)"
        if context.rows > 1, summary.distinct.count == 1 {
          texts.append(
            "\(place) is \(summary.first) in all rows, so that nothing is learnt from it")
        }
        let centre = model.contextUnits?.centre[column]
        if let text = Self.merging(summary, context, centre: centre) {
          texts.append("\(place)\(text)")
        }
      }
    }
    if discrete < x.columns, let text = repeats.text { texts.append("\(x.path): \(text)") }
    if let text = family(model) { texts.append("\(x.path): \(text)") }
    return texts
  }

  /// The words about affine transforms of one feature, which has no other to depend on: they give normal
  /// distributions alone.
  private func family(_ model: Model) -> String? {
    guard model.features == 1, model.bounds == nil, let description = model.description
    else { return nil }
    let name: String
    switch description.architecture {
    case .maf: name = "MAF"
    case .nice: name = "NICE"
    case .realNVP: name = "RealNVP"
    default: return nil
    }
    guard description.json["univariate"] == nil, description.json["base"] == nil else { return nil }
    return "\(name) of one feature is a normal distribution"
      + (model.context > 0 ? " for each context" : "") + ", whatever the data; NSF has any shape"
  }

  /// The words about rows so far from the others that they decide the scale.
  private static func outliers(_ summary: ColumnSummary, _ scale: Double) -> String? {
    guard summary.distinct.count > 2 else { return nil }
    let robust = ColumnUnits(of: summary.sampled, columns: 1, by: .robust).scale[0]
    guard scale > 100 * robust else { return nil }
    return
      ": a few rows are so far from the others that they decide its scale, \(Float(scale)), while "
      + "half of the rows lie within \(Float(robust * 1.349)); leave them out, or give --robust"
  }

  /// The words about numbers that are different in float64 and equal in float32. A tenth of the distinct ones is
  /// more than chance does to ordinary data of this size.
  private static func merging(
    _ summary: ColumnSummary, _ table: TrainingData, centre: Double?
  ) -> String? {
    guard table.isDouble else { return nil }
    let before = Set(summary.start)
    let after = Set(before.map { Float($0 - (centre ?? 0)) }).count
    guard after * 10 < before.count * 9 else { return nil }
    return ": float32 keeps \(after) of \(before.count) distinct numbers; "
      + (centre == nil
        ? "leave out --no-standardize, or shift and scale the data in float64 first, for instance "
          + "to mean 0 and deviation 1"
        : "their range is too wide: give them as the logarithm, or in two columns")
  }

  /// The words about rows at a bound, where their distances to it have no logarithm.
  private func edges(_ summary: ColumnSummary) -> String? {
    guard summary.atBound > 0 else { return nil }
    return ": \(summary.atBound) of \(x.rows) rows equal a bound, where a density can't be learnt; "
      + "widen the bound a little, or leave these rows out"
  }

  /// The words about numbers outside of the interval that a flow's transforms shape.
  private func interval(_ summary: ColumnSummary, _ description: FlowDescription?) -> String? {
    guard let interval = summary.interval, summary.outside * 100 > x.rows else { return nil }
    let share = (100 * Double(summary.outside) / Double(x.rows)).rounded()
    var advice = "leave out --no-standardize, or scale the data"
    if case .ncsf? = description?.architecture { advice = "give angles in radians from -pi to pi" }
    return ": \(Int(share)) % of its numbers are outside \(interval.text), \(interval.beyond); "
      + advice
  }
}
