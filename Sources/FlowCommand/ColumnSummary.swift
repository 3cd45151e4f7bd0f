import Flows

/// What notes about a column are made of, found in one pass.
struct ColumnSummary {
  /// The most numbers that a column of kinds or of rounded measurements has.
  static let fewest = 256
  /// How many of the first numbers are kept.
  private let kept: Int

  /// The interval that the flow shapes, if it has one.
  let interval: ShapedInterval?
  private let bounds: (lower: Double, upper: Double)?
  /// The first number.
  private(set) var first = 0.0
  /// The distinct numbers, up to one more than a column of kinds has.
  private(set) var distinct: Set<Double> = []
  /// The first numbers.
  private(set) var start: [Double] = []
  /// Numbers that are evenly spread over the column.
  private(set) var sampled: [Double] = []
  /// Whether there are negative numbers.
  private(set) var isNegative = false
  /// How many numbers equal a bound.
  private(set) var atBound = 0
  /// How many numbers are outside of the interval.
  private(set) var outside = 0

  /// Begins with no numbers, of which the first few are kept.
  init(keeping kept: Int, interval: ShapedInterval? = nil, bounds: (Double, Double)? = nil) {
    (self.kept, self.interval, self.bounds) = (kept, interval, bounds)
  }

  /// Adds the next numbers, of which some places are those of a sample.
  mutating func add(_ numbers: [Double], sampled places: [Int]) {
    if distinct.isEmpty { first = numbers.first ?? 0 }
    if distinct.count <= Self.fewest {
      for number in numbers
      where distinct.insert(number).inserted && distinct.count > Self.fewest { break }
    }
    isNegative = isNegative || numbers.contains { $0 < 0 }
    start += numbers.prefix(max(kept - start.count, 0))
    sampled += places.lazy.map { numbers[$0] }
    if let bounds { atBound += numbers.count { $0 == bounds.lower || $0 == bounds.upper } }
    if let interval { outside += interval.outside(numbers) }
  }
}

/// A number for each row, which equal rows share and others hardly do.
struct RowHashes {
  fileprivate var values: [UInt64]

  /// Those of rows without columns.
  init(count: Int) { values = Array(repeating: 0, count: count) }

  /// Adds a column.
  mutating func add(_ numbers: [Double]) {
    for (row, number) in numbers.enumerated() {
      // 0 and -0 are equal.
      let bits = number == 0 ? 0 : number.bitPattern
      var generator = SeededGenerator(seed: values[row] ^ bits)
      values[row] = generator.next()
    }
  }
}

/// Counts the rows that repeat others. Of many distinct rows it keeps those whose hash ends in some zeros, with all
/// of their copies: a sample of the distinct rows.
struct RepeatedRows {
  private var counts: [UInt64: Int] = [:]
  private var mask: UInt64 = 0
  private let most: Int

  /// Begins with no rows, of which at most so many distinct ones are kept.
  init(most: Int) { self.most = most }

  /// Adds rows.
  mutating func add(_ hashes: RowHashes) {
    for hash in hashes.values where hash & mask == 0 {
      counts[hash, default: 0] += 1
      while counts.count > most {
        mask = mask << 1 | 1
        counts = counts.filter { $0.key & mask == 0 }
      }
    }
  }

  /// How many rows were kept, and how many of them repeat another.
  var found: (rows: Int, repeated: Int) {
    let rows = counts.values.reduce(0, +)
    return (rows, rows - counts.count)
  }

  /// The words about them; nil if they are few.
  var text: String? {
    let (rows, repeated) = found
    guard repeated * 100 >= rows, repeated > 1 else { return nil }
    let sample = mask == 0 ? "" : "a sample of "
    return
      "\(repeated) of \(sample)\(rows) rows repeat another, and held-out rows may repeat training "
      + "rows; leave repetitions out, or count them with --weights"
  }
}
