/// How the centre and the scale of a column are found.
public enum Standardization: String, Sendable, CaseIterable {
  /// The mean and the standard deviation.
  case deviation
  /// The median, and the width between the quartiles in standard deviations of a normal distribution:
  /// a few rows far from the others do not change them.
  case robust
}

/// The centre and the scale of each column of a table: a flow in the data's units begins with
/// `(x - centre) / scale`.
public struct ColumnUnits: Sendable, Hashable {
  /// What is subtracted: the middle of a column, or a number of float32 that is near it, if there is one.
  public var centre: [Double]
  /// What is divided by: positive, and a number of float32.
  public var scale: [Double]

  /// Makes units of one centre and one scale for each column.
  ///
  /// - Precondition: there are as many scales as centres.
  public init(centre: [Double], scale: [Double]) {
    precondition(
      centre.count == scale.count, "\(centre.count) centres and \(scale.count) scales")
    self.centre = centre
    self.scale = scale
  }

  /// Finds the units of a table. A column that is constant has the scale 1.
  ///
  /// - Parameters:
  ///   - values: rows of finite numbers, row-major.
  ///   - columns: how many there are in a row.
  ///   - weights: how much each row counts; nil if all count alike. A row of weight 0 is left out.
  ///   - method: what centre and scale are.
  public init<Scalar: FlowScalar>(
    of values: [Scalar], columns: Int, weights: [Float]? = nil,
    by method: Standardization = .deviation
  ) {
    var (centre, scale): ([Double], [Double]) = ([], [])
    let rows = columns > 0 ? values.count / columns : 0
    values.withUnsafeBufferPointer { values in
      for column in 0..<columns {
        let entries = (0..<rows).lazy.map { row in
          Entry(value: Double(values[row * columns + column]), weight: weights?[row] ?? 1)
        }
        var (middle, width) = Self.moments(entries)
        if method == .robust, rows > 0 {
          let quartiles = Self.quantiles(
            entries.filter { $0.weight > 0 }, at: [0.25, 0.5, 0.75])
          let range = quartiles[2] - quartiles[0]
          middle = quartiles[1]
          // Where half of the numbers are the same, their deviation is the only width there is.
          if range > 0 { width = range / Self.normalQuartileRange }
        }
        let usable = Self.usable(width)
        // Any centre near the middle serves; one of float32 is the same for whoever reads the model.
        let near = Double(Float(middle))
        centre.append(abs(near - middle) <= usable / 128 ? near : middle)
        scale.append(usable)
      }
    }
    self.init(centre: centre, scale: scale)
  }

  private struct Entry {
    let value: Double
    let weight: Float
  }

  /// The width between the quartiles of a standard normal distribution.
  private static let normalQuartileRange = 1.348_979_500_392_163_6

  /// A width as a scale: rounded to float32, and 1 if it is 0.
  private static func usable(_ width: Double) -> Double {
    guard width > 0, width.isFinite else { return 1 }
    let largest = Double(Float.greatestFiniteMagnitude)
    return Double(Float(min(max(width, Double(Float.leastNormalMagnitude)), largest)))
  }

  /// The mean and the standard deviation, from differences to the first number, which keep the digits of
  /// numbers far from zero.
  private static func moments(
    _ entries: some Collection<Entry>
  ) -> (mean: Double, deviation: Double) {
    guard let first = entries.first(where: { $0.weight > 0 })?.value else { return (0, 0) }
    var (sum, total) = (0.0, 0.0)
    for entry in entries where entry.weight > 0 {
      sum += Double(entry.weight) * (entry.value - first)
      total += Double(entry.weight)
    }
    let mean = first + sum / total
    var squares = 0.0
    for entry in entries where entry.weight > 0 {
      let difference = entry.value - mean
      squares += Double(entry.weight) * difference * difference
    }
    // A constant column must have no width, though its mean may be rounded.
    let isConstant = entries.allSatisfy { $0.weight == 0 || $0.value == first }
    return isConstant ? (first, 0) : (mean, (squares / total).squareRoot())
  }

  /// The smallest numbers that have at least these shares of the weight at or below them.
  private static func quantiles(_ entries: [Entry], at shares: [Double]) -> [Double] {
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

  /// Whether numbers around a centre need more digits than float32 has: it keeps fewer than 12 bits of a
  /// difference of one scale, or the centre itself is no number of float32.
  public var needFloat64: Bool {
    zip(centre, scale).contains { Self.losesDigits(centre: $0, scale: $1) }
  }

  /// Whether float32 loses digits of differences of one scale from a centre.
  static func losesDigits(centre: Double, scale: Double) -> Bool {
    Double(Float(centre)) != centre || abs(centre) > 4096 * scale
  }

  /// Rows minus the centre, in float64, then rounded to float32: what is far from zero keeps its digits.
  public func centred<Scalar: FlowScalar>(_ values: [Scalar]) -> [Float] {
    guard !centre.isEmpty else { return values.map { Float($0) } }
    return [Float](unsafeUninitializedCapacity: values.count) { target, count in
      values.withUnsafeBufferPointer { values in
        var column = 0
        for index in values.indices {
          target[index] = Float(Double(values[index]) - centre[column])
          column += 1
          if column == centre.count { column = 0 }
        }
      }
      count = values.count
    }
  }
}
