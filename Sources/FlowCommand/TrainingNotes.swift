import Flows

/// What makes training data unfit for a density, or for float32, each in one sentence that says what to do.
struct TrainingNotes {
  private(set) var texts: [String] = []

  /// The most numbers that a column of kinds or of rounded measurements has.
  private static let fewest = 256
  /// How many rows are compared with each other, or sorted.
  private static let sample = 1_000_000

  /// Looks at rows and their context, which are about to be fitted by a model that has their units.
  init(_ x: TrainingData, _ conditions: TrainingData?, _ model: Model) {
    var discrete = 0
    let centre = model.rowUnits?.centre
    for column in 0..<x.columns {
      let place = "\(x.path): column \(column + 1)"
      let numbers = x.column(column)
      let distinct = Self.distinct(numbers)
      if distinct.count == 1, numbers.count > 1 {
        texts.append(
          "\(place) is \(numbers[0]) in all rows, so that its density has no width; leave it out with "
            + "--columns")
      } else if model.discrete.contains(where: { $0.feature == column }) {
        discrete += 1
      } else if distinct.count * 20 <= numbers.count, distinct.count <= Self.fewest {
        texts.append(
          "\(place) has \(distinct.count) distinct numbers in \(numbers.count) rows, so that its "
            + "density grows without end; give --discrete \(column + 1), or make it a context")
        discrete += 1
      }
      if let units = model.units {
        if let text = Self.outliers(numbers, distinct, units.scale[column]) {
          texts.append("\(place)\(text)")
        } else {
          noteMerging(numbers, x, place, centre: units.centre[column])
        }
      } else if let bounds = model.bounds {
        noteEdges(numbers, place, bounds.lower[column], bounds.upper[column])
        noteMerging(numbers, x, place, centre: centre?[column])
      } else {
        noteInterval(numbers, place, column, model.description)
        noteMerging(numbers, x, place, centre: nil)
      }
    }
    if let conditions {
      for column in 0..<conditions.columns {
        let place = "\(conditions.path): column \(column + 1)"
        let numbers = conditions.column(column)
        if numbers.count > 1, Self.distinct(numbers).count == 1 {
          texts.append("\(place) is \(numbers[0]) in all rows, so that nothing is learnt from it")
        }
        noteMerging(numbers, conditions, place, centre: model.contextUnits?.centre[column])
      }
    }
    if discrete < x.columns { noteRepeats(x, conditions) }
    noteFamily(x, model)
  }

  /// Notes that affine transforms of one feature, which has no other to depend on, give normal distributions
  /// alone.
  private mutating func noteFamily(_ x: TrainingData, _ model: Model) {
    guard model.features == 1, model.bounds == nil, let description = model.description
    else { return }
    let name: String
    switch description.architecture {
    case .maf: name = "MAF"
    case .nice: name = "NICE"
    case .realNVP: name = "RealNVP"
    default: return
    }
    guard description.json["univariate"] == nil, description.json["base"] == nil else { return }
    texts.append(
      "\(x.path): \(name) of one feature is a normal distribution"
        + (model.context > 0 ? " for each context" : "") + ", whatever the data; NSF has any shape")
  }

  /// The distinct numbers of a column, up to one more than a column of kinds has.
  private static func distinct(_ numbers: [Double]) -> Set<Double> {
    var found: Set<Double> = []
    for number in numbers where found.insert(number).inserted && found.count > fewest { break }
    return found
  }

  /// The words about rows so far from the others that they decide the scale.
  private static func outliers(
    _ numbers: [Double], _ distinct: Set<Double>, _ scale: Double
  ) -> String? {
    guard distinct.count > 2 else { return nil }
    let some = Array(numbers.prefix(sample))
    let robust = ColumnUnits(of: some, columns: 1, by: .robust).scale[0]
    guard scale > 100 * robust else { return nil }
    return
      ": a few rows are so far from the others that they decide its scale, \(Float(scale)), while "
      + "half of the rows lie within \(Float(robust * 1.349)); leave them out, or give --robust"
  }

  /// Notes numbers that are different in float64 and equal in float32. A tenth of the distinct ones is more
  /// than chance does to ordinary data of this size.
  private mutating func noteMerging(
    _ numbers: [Double], _ table: TrainingData, _ place: String, centre: Double?
  ) {
    guard table.isDouble else { return }
    let before = Set(numbers.prefix(10_000))
    let after = Set(before.map { Float($0 - (centre ?? 0)) }).count
    guard after * 10 < before.count * 9 else { return }
    texts.append(
      "\(place): float32 keeps \(after) of \(before.count) distinct numbers; "
        + (centre == nil
          ? "leave out --no-standardize, or shift and scale the data in float64 first, for instance "
            + "to mean 0 and deviation 1"
          : "their range is too wide: give them as the logarithm, or in two columns"))
  }

  /// Notes rows at a bound, where their distances to it have no logarithm.
  private mutating func noteEdges(
    _ numbers: [Double], _ place: String, _ lower: Double, _ upper: Double
  ) {
    let count = numbers.count { $0 == lower || $0 == upper }
    guard count > 0 else { return }
    texts.append(
      "\(place): \(count) of \(numbers.count) rows equal a bound, where a density can't be learnt; "
        + "widen the bound a little, or leave these rows out")
  }

  /// Notes numbers outside of the interval that a flow's transforms shape.
  private mutating func noteInterval(
    _ numbers: [Double], _ place: String, _ column: Int, _ description: FlowDescription?
  ) {
    let intervals = description.map(ShapedInterval.intervals) ?? []
    guard column < intervals.count, let interval = intervals[column] else { return }
    let outside = interval.outside(numbers)
    guard outside * 100 > numbers.count else { return }
    let share = (100 * Double(outside) / Double(numbers.count)).rounded()
    var advice = "leave out --no-standardize, or scale the data"
    if case .ncsf? = description?.architecture { advice = "give angles in radians from -pi to pi" }
    texts.append(
      "\(place): \(Int(share)) % of its numbers are outside \(interval.text), \(interval.beyond); "
        + advice)
  }

  /// Notes rows that are equal to others, context included.
  private mutating func noteRepeats(_ x: TrainingData, _ conditions: TrainingData?) {
    let count = min(x.rows, Self.sample)
    var seen: Set<Int> = []
    var repeated = 0
    for row in 0..<count {
      var hasher = Hasher()
      for number in x.row(row) + (conditions?.row(row) ?? []) { hasher.combine(number) }
      if !seen.insert(hasher.finalize()).inserted { repeated += 1 }
    }
    guard repeated * 100 >= count, repeated > 1 else { return }
    texts.append(
      "\(x.path): \(repeated) of \(count) rows repeat another, and held-out rows may repeat training "
        + "rows; leave repetitions out, or count them with --weights")
  }
}
