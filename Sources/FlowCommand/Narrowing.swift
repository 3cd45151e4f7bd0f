import FlowFiles

/// What float32 loses of a table of float64: numbers beyond its range, and numbers that become equal.
struct Narrowing {
  /// A finite number that became infinite, by row and column from 1.
  struct Overflow {
    let row: Int
    let column: Int
    let value: Double
  }

  /// How many rows hold a number beyond the range of float32.
  private(set) var overflowing = 0
  private(set) var firstOverflow: Overflow?
  /// A column of the first rows whose numbers float32 can't tell apart: how many there are in both.
  private(set) var merging: (column: Int, distinct: Int, kept: Int)?
  private let columns: Int
  private var isFirst = true
  private static let sample = 10_000

  init(columns: Int) { self.columns = columns }

  /// Reads rows as float32, minus a centre if there is one, judging what is lost on the way.
  mutating func read(
    _ reader: any RowReader, _ count: Int, centre: [Double]? = nil
  ) throws(FileError) -> [Float] {
    guard reader.isDouble || centre != nil else { return try reader.readFloats(count) }
    var values = try reader.read(count)
    if let centre {
      for index in values.indices { values[index] -= centre[index % centre.count] }
    }
    let floats = values.map { Float($0) }
    if isFirst, reader.isDouble {
      isFirst = false
      findMerging(values)
    }
    var last = -1
    for (index, value) in floats.enumerated() where value.isInfinite && values[index].isFinite {
      let row = index / columns
      if row != last { overflowing += 1 }
      last = row
      if firstOverflow == nil {
        firstOverflow = Overflow(
          row: reader.number(ofRow: row), column: index % columns + 1, value: values[index])
      }
    }
    return floats
  }

  /// A tenth of the distinct numbers lost is more than chance does to ordinary data of this size.
  private mutating func findMerging(_ values: [Double]) {
    let rows = min(values.count / max(columns, 1), Self.sample)
    for column in 0..<columns where merging == nil {
      let numbers = Set((0..<rows).map { values[$0 * columns + column] })
      let kept = Set(numbers.map { Float($0) }).count
      if kept * 10 < numbers.count * 9 { merging = (column + 1, numbers.count, kept) }
    }
  }

  /// What is lost, each in one sentence that says what to do.
  func warnings(path: String, advice: String) -> [String] {
    var texts: [String] = []
    if let merging {
      texts.append(
        "\(path): column \(merging.column): float32 keeps \(merging.kept) of "
          + "\(merging.distinct) distinct numbers; \(advice)")
    }
    if let first = firstOverflow {
      texts.append(
        "\(path): row \(first.row): column \(first.column) is \(first.value), which float32 can't "
          + "hold (3.4e+38 at most; \(overflowing) such rows); \(advice)")
    }
    return texts
  }
}
