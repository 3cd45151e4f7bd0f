import FlowFiles

/// Finds the units of a table that is read from the front, in one pass.
package struct UnitsFinder {
  private var moments: [ColumnMoments]
  /// The rows whose quartiles are taken, if they are wanted.
  private var sample: RowSample?
  private var sampled: [[ColumnEntry]]
  private var done = 0

  /// The most rows that quartiles are taken of, evenly spread over all.
  private static let mostSampled = 100_000

  /// Begins with no rows.
  ///
  /// - Parameters:
  ///   - columns: how many there are in a row.
  ///   - rows: how many rows will come.
  ///   - method: what centre and scale are.
  ///   - memory: what the rows whose quartiles are taken must fit in.
  package init(
    columns: Int, rows: Int, by method: Standardization, memory: TrainingMemory
  ) {
    moments = Array(repeating: ColumnMoments(), count: columns)
    sampled = Array(repeating: [], count: columns)
    guard method == .robust else { return }
    let most = memory.sampledRows(
      Self.mostSampled, bytes: columns * MemoryLayout<ColumnEntry>.stride)
    sample = RowSample(rows: rows, most: most)
  }

  /// Adds the next rows.
  ///
  /// - Parameters:
  ///   - values: rows of finite numbers, row-major.
  ///   - weights: how much each of them counts; nil if all count alike. A row of weight 0 is left out.
  package mutating func add<Scalar: FlowScalar>(_ values: [Scalar], weights: [Float]? = nil) {
    let columns = moments.count
    guard columns > 0, !values.isEmpty else { return }
    let rows = values.count / columns
    let places = sample?.places(in: done..<done + rows) ?? []
    done += rows
    values.withUnsafeBufferPointer { values in
      for column in 0..<columns {
        func entry(_ row: Int) -> ColumnEntry {
          ColumnEntry(value: Double(values[row * columns + column]), weight: weights?[row] ?? 1)
        }
        moments[column].add((0..<rows).lazy.map(entry))
        sampled[column] += places.lazy.map(entry).filter { $0.weight > 0 }
      }
    }
  }

  /// The units of the rows so far. A column that is constant has the scale 1.
  package var units: ColumnUnits {
    let found = zip(moments, sampled).map { Self.unit($0, $1) }
    return ColumnUnits(centre: found.map(\.centre), scale: found.map(\.scale))
  }

  /// The centre and the scale of a column.
  ///
  /// - Parameters:
  ///   - moments: those of all of its numbers.
  ///   - entries: numbers of weight above 0 whose quartiles are taken; empty if they are not wanted.
  static func unit(
    _ moments: ColumnMoments, _ entries: [ColumnEntry]
  ) -> (centre: Double, scale: Double) {
    var (middle, width) = (moments.mean, moments.deviation)
    if !entries.isEmpty {
      let quartiles = ColumnEntry.quantiles(entries, at: [0.25, 0.5, 0.75])
      let range = quartiles[2] - quartiles[0]
      middle = quartiles[1]
      // Where half of the numbers are the same, their deviation is the only width there is.
      if range > 0 { width = range / normalQuartileRange }
    }
    let scale = usable(width)
    // Any centre near the middle serves; one of float32 is the same for whoever reads the model.
    let near = Double(Float(middle))
    return (abs(near - middle) <= scale / 128 ? near : middle, scale)
  }

  /// The width between the quartiles of a standard normal distribution.
  private static let normalQuartileRange = 1.348_979_500_392_163_6

  /// A width as a scale: rounded to float32, and 1 if it is 0.
  private static func usable(_ width: Double) -> Double {
    guard width > 0, width.isFinite else { return 1 }
    let largest = Double(Float.greatestFiniteMagnitude)
    return Double(Float(min(max(width, Double(Float.leastNormalMagnitude)), largest)))
  }
}

/// A number of a column, and the weight of its row.
struct ColumnEntry {
  let value: Double
  let weight: Float

  /// The smallest numbers that have at least these shares of the weight at or below them.
  static func quantiles(_ entries: [ColumnEntry], at shares: [Double]) -> [Double] {
    let sorted = entries.sorted { $0.value < $1.value }
    let total = sorted.reduce(0) { $0 + Double($1.weight) }
    var results: [Double] = []
    var below = 0.0
    var index = 0
    for share in shares {
      while index + 1 < sorted.count, below + Double(sorted[index].weight) < share * total {
        below += Double(sorted[index].weight)
        index += 1
      }
      results.append(sorted[index].value)
    }
    return results
  }
}

/// The mean and the standard deviation of a column, from differences to the first number, which keep the digits
/// of numbers far from zero; parts are joined after Chan, Golub and LeVeque.
struct ColumnMoments {
  private var first: Double?
  private var isConstant = true
  private var total = 0.0
  private var middle = 0.0
  private var squares = 0.0

  mutating func add(_ entries: some Collection<ColumnEntry>) {
    guard let here = entries.first(where: { $0.weight > 0 })?.value else { return }
    let first = self.first ?? here
    self.first = first
    var (sum, weight) = (0.0, 0.0)
    for entry in entries where entry.weight > 0 {
      sum += Double(entry.weight) * (entry.value - first)
      weight += Double(entry.weight)
    }
    let mean = first + sum / weight
    var around = 0.0
    for entry in entries where entry.weight > 0 {
      let difference = entry.value - mean
      around += Double(entry.weight) * difference * difference
    }
    // A constant column must have no width, though its mean may be rounded.
    isConstant = isConstant && entries.allSatisfy { $0.weight == 0 || $0.value == first }
    if total == 0 {
      (total, middle, squares) = (weight, mean, around)
    } else {
      let distance = mean - middle
      squares += around + distance * distance * (total * weight / (total + weight))
      middle += distance * (weight / (total + weight))
      total += weight
    }
  }

  var mean: Double { isConstant ? first ?? 0 : middle }
  var deviation: Double { isConstant ? 0 : (squares / total).squareRoot() }
}
