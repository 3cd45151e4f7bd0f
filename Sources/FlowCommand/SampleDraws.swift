import FlowFiles
import FlowRuntime
import Flows

/// The calls that draw a sample: so many rows for each context, in their order.
struct SampleDraws<Number: RowNumber>: RowFeed {
  private let contexts: SampleContexts<Number>
  private let each: Int
  private let seeds: HostArray
  private let chunk: Int
  let rowCount: Int?
  private(set) var done = 0

  init(
    _ contexts: SampleContexts<Number>, each: Int, total: Int, seed: UInt64, chunk: Int
  ) {
    (self.contexts, self.each, self.chunk, rowCount) = (contexts, each, chunk, total)
    let words = [Int32(truncatingIfNeeded: seed), Int32(truncatingIfNeeded: seed >> 32)]
    seeds = HostArray(words, shape: [2])
  }

  mutating func next() -> RowBatch? {
    guard let rowCount, done < rowCount else { return nil }
    let first = done
    done += contexts.rowsToDraw(from: first, each: each, total: rowCount, most: chunk)
    let (array, isFinite) = contexts.rows(first..<done, each: each)
    var inputs = ["seed": seeds]
    inputs["context"] = array
    return RowBatch(
      inputs: inputs, rows: done - first, firstRow: first, isFinite: isFinite,
      number: { first + $0 + 1 })
  }
}

/// The contexts that samples are drawn for.
struct SampleContexts<Number: RowNumber> {
  private let columns: Int
  private var values: [Number] = []
  private var isFinite: [Bool]?
  /// Whether the centre of the model's units was subtracted.
  private(set) var isCentred = false
  /// How many there are; 1 for a flow without context.
  private(set) var count = 1

  init(
    model: AnyModel, path modelPath: String, context path: String?, options: TableOptions
  ) throws {
    columns = model.context
    guard let path = try contextPath(path, columns: columns, place: modelPath) else { return }
    let reader = try openTable(
      path, columns: model.context, "context features", options: options,
      trained: model.columns.context)
    for notice in reader.notices { Console.note("\(path): \(notice)") }
    let centre = Centre<Number>.of(reader, model.units(\.contextUnits))
    isCentred = centre != nil
    var narrowing = Narrowing(columns: model.context)
    while true {
      let part =
        try centre.flatMap { centre throws(FileError) in
          try narrowing.read(reader, 65536, centre: centre) as? [Number]
        } ?? Number.read(reader, 65536)
      if part.isEmpty { break }
      values += part
    }
    guard !values.isEmpty else {
      throw FileError.mismatch(path: path, found: "0 rows", expected: "1 row or more")
    }
    count = values.count / columns
    isFinite = finiteRows(values, rows: count)
  }

  /// The contexts as a table; nil for a flow without context.
  var table: Rows<Number>? { columns > 0 ? Rows(values, columns: columns) : nil }

  /// How many rows to draw in one call, at most so many: all of several contexts, or some of one.
  func rowsToDraw(from first: Int, each: Int, total: Int, most: Int) -> Int {
    if count == 1 { return min(most, total - first) }
    let whole = most / each * each
    return min(whole > 0 ? whole : min(most, each - first % each), total - first)
  }

  /// The contexts of some rows of the sample, `each` for a context, and which of the rows have a finite
  /// one. The rows are all of several contexts, or some of one.
  func rows(_ range: Range<Int>, each: Int) -> (HostArray?, isFinite: [Bool]?) {
    guard columns > 0 else { return (nil, nil) }
    if count == 1 {
      return (
        Number.array(values, shape: [columns]),
        isFinite.map { [Bool](repeating: $0[0], count: range.count) }
      )
    }
    let (first, last) = (range.lowerBound / each, (range.upperBound - 1) / each)
    let given = Array(values[first * columns..<(last + 1) * columns])
    return (
      Number.array(given, shape: [last + 1 - first, columns]),
      isFinite.map { isFinite in range.map { isFinite[$0 / each] } }
    )
  }
}
