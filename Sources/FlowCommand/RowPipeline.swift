import FlowFiles
import FlowRuntime
import Flows

/// A result of a function of rows, and where it goes.
struct RowResult {
  let name: String
  /// The numbers of a row.
  let columns: Int
  let writer: any RowWriter
  /// What is added to each row, in float64; nil for nothing.
  var centre: [Double]?
  /// The columns that are rounded to their grids, and the bounds that they are within.
  var discrete: [DiscreteColumn] = []
  var bounds: Bounds?

  /// The results that have a place, each a table of so many columns, or one number a row if that is nil.
  /// The centre, if there is one, is that of the tables, which are written in float64 then.
  static func list<Number: RowNumber>(
    _ places: [RowOutput?], _ shapes: [(name: String, columns: Int?)], as type: Number.Type,
    centre: [Double]? = nil
  ) throws(FileError) -> [RowResult] {
    var results: [RowResult] = []
    for (place, shape) in zip(places, shapes) {
      guard let place else { continue }
      let own = shape.columns == nil ? nil : centre
      let writer = try createRows(
        place, columns: shape.columns, type: own == nil ? Number.precision.rowType : .f64)
      results.append(
        RowResult(name: shape.name, columns: shape.columns ?? 1, writer: writer, centre: own))
    }
    return results
  }

  /// The centre of a model's units if float32 does not have the digits of its numbers; else nil.
  static func centre<Number: RowNumber>(of model: AnyModel, as type: Number.Type) -> [Double]? {
    guard Number.precision == .f32, let units = model.units(\.rowUnits), units.needFloat64 else {
      return nil
    }
    return units.centre
  }

  /// Writes rows, with the centre added.
  func write<Number: RowNumber>(_ values: [Number]) throws(FileError) {
    guard centre != nil || !discrete.isEmpty else { return try Number.write(values, to: writer) }
    var sums = values.map { Double($0) }
    if let centre {
      for index in sums.indices {
        let column = index % centre.count
        sums[index] += centre[column]
        // The bounds that were subtracted from were rounded.
        if let bounds {
          sums[index] = min(max(sums[index], bounds.lower[column]), bounds.upper[column])
        }
      }
    }
    Self.rounded(&sums, columns: columns, discrete, bounds)
    if centre != nil {
      try writer.write(sums)
    } else {
      try Number.write(sums.map { Number($0) }, to: writer)
    }
  }
}

/// The arguments of one call of a function.
struct RowBatch {
  /// The arguments, by name.
  let inputs: [String: HostArray]
  let rows: Int
  /// The number of the first row in a sample.
  var firstRow = 0
  /// For each row, whether its inputs are finite; nil if all are.
  let isFinite: [Bool]?
  /// The number of a row in its file.
  let number: (Int) -> Int
}

/// Where the rows of a command come from, a call's at a time.
protocol RowFeed {
  /// How many rows there are, where that is known.
  var rowCount: Int? { get }
  /// How many rows `next` gave.
  var done: Int { get }
  /// The arguments of the next call; nil at the end.
  mutating func next() throws -> RowBatch?
}

/// The rows of a file as the argument of a function.
struct RowTable<Number: RowNumber>: RowFeed {
  private(set) var source: RowSource<Number>
  private let name: String
  private let features: Int
  private let context: Int
  private let chunk: Int

  /// Rows of `source` as the argument `name` of the model's functions, at most `chunk` for a call.
  init(_ source: RowSource<Number>, name: String, _ model: AnyModel, chunk: Int) {
    (self.source, self.name, self.chunk) = (source, name, chunk)
    (features, context) = (model.features, model.context)
  }

  var rowCount: Int? { source.rowCount }
  var done: Int { source.done }

  mutating func next() throws -> RowBatch? {
    guard let part = try source.next(chunk) else { return nil }
    var inputs = [name: Number.array(part.x, shape: [part.rows, features])]
    if context > 0 {
      inputs["context"] = Number.array(part.context, shape: [part.rows, context])
    }
    return RowBatch(
      inputs: inputs, rows: part.rows, isFinite: part.isFinite, number: part.number)
  }
}

/// What every command does with its rows: call the function, set the results of rows with bad inputs to
/// NaN, write them, and count the bad rows.
struct RowPipeline<Number: RowNumber> {
  let function: any RowFunction
  let results: [RowResult]
  let threads: Int?
  private(set) var bad = BadRows()

  init(_ function: any RowFunction, _ results: [RowResult], threads: Int?) {
    self.function = function
    self.results = results
    self.threads = threads
  }

  /// Processes all rows of a feed, with a bar of progress, and finishes the results.
  mutating func run<Feed: RowFeed>(_ feed: inout Feed, showsProgress: Bool) throws {
    var bar = RowProgress(total: feed.rowCount, isForced: showsProgress)
    while let batch = try feed.next() {
      try process(batch)
      bar.show(feed.done)
    }
    bar.clear()
    for result in results { try result.writer.finish() }
  }

  /// Calls the function on some rows and writes what it gives.
  private mutating func process(_ batch: RowBatch) throws {
    let (rows, isFinite) = (batch.rows, batch.isFinite)
    let found = try function(
      batch.inputs, rows: rows, firstRow: batch.firstRow, threads: threads)
    var isNaN: [Bool]?
    for result in results {
      var values = found[result.name].map { Number.values(of: $0) } ?? []
      if let isFinite {
        for row in 0..<rows where !isFinite[row] {
          for column in 0..<result.columns { values[row * result.columns + column] = .nan }
        }
      }
      if values.contains(where: \.isNaN) {
        var rowsOfNaN = isNaN ?? [Bool](repeating: false, count: rows)
        for (index, value) in values.enumerated() where value.isNaN {
          rowsOfNaN[index / result.columns] = true
        }
        isNaN = rowsOfNaN
      }
      try result.write(values)
    }
    guard let isNaN else { return }
    // Restricted flows say which rows found no sample inside.
    let draws = found["draws"]?.integers
    for row in 0..<rows where isNaN[row] {
      let hasFiniteInput = isFinite?[row] ?? true
      if hasFiniteInput, let draws, draws[row] == 0 {
        bad.addWithoutSample(batch.number(row))
      } else {
        bad.add(batch.number(row), isFinite: hasFiniteInput)
      }
    }
  }

  /// Counts the bad rows among those that an earlier run wrote, without reading their inputs again.
  mutating func count(earlier values: [Double], number: (Int) -> Int, isFinite: [Bool]?) {
    for (row, value) in values.enumerated() where value.isNaN {
      bad.add(number(row), isFinite: isFinite?[row] ?? true)
    }
  }
}
