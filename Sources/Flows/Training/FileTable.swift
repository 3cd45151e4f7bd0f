import FlowFiles

/// Rows with their contexts and weights in files, read some at a time and centred: what a fit streams.
package struct FileTable {
  /// How many rows there are.
  package let count: Int
  private let x: NPYReader
  private let context: NPYReader?
  private let weights: NPYReader?
  private let units: ColumnUnits?
  private let contextUnits: ColumnUnits?
  private let weightPath: String

  /// Opens the files.
  ///
  /// - Parameters:
  ///   - x: the rows.
  ///   - context: the context of each row; nil for a flow without context.
  ///   - weights: one column, the weight of each row; nil if all count alike.
  ///   - units: those whose centre is subtracted from the rows.
  ///   - contextUnits: those whose centre is subtracted from the context.
  /// - Throws: `FileError` for files that do not fit together, or that changed since they were named.
  package init(
    x: RowFile, context: RowFile?, weights: RowFile?, units: ColumnUnits?,
    contextUnits: ColumnUnits?
  ) throws(FileError) {
    for table in [context, weights].compactMap({ $0 }) where table.count != x.count {
      throw .mismatch(
        path: table.path, found: "\(table.count) rows", expected: "\(x.count) rows, as in \(x.path)"
      )
    }
    if let weights, weights.columns != 1 {
      throw .mismatch(
        path: weights.path, found: "\(weights.columns) columns", expected: "one column of weights")
    }
    count = x.count
    self.x = try x.reader()
    self.context = try context.map { file throws(FileError) in try file.reader() }
    self.weights = try weights.map { file throws(FileError) in try file.reader() }
    (self.units, self.contextUnits) = (units, contextUnits)
    weightPath = weights?.path ?? ""
  }

  /// Whether the rows have weights.
  var isWeighted: Bool { weights != nil }
  /// The numbers of a row, with its context and weight.
  var width: Int { x.columns + (context?.columns ?? 0) + (weights == nil ? 0 : 1) }

  /// Some of the rows.
  ///
  /// - Throws: `FileError` if a file changed, or can't be read.
  func read(_ range: Range<Int>) throws(FileError) -> WeightedRows {
    WeightedRows(
      x: try Self.read(x, range, units),
      context: try context.map { reader throws(FileError) in
        try Self.read(reader, range, contextUnits)
      } ?? [],
      weights: try weights(range))
  }

  /// The weights of some of the rows, checked; nil if all count alike.
  ///
  /// - Throws: `FileError` for a weight that is negative or not finite.
  func weights(_ range: Range<Int>) throws(FileError) -> [Float]? {
    guard let weights else { return nil }
    let values = try Self.read(weights, range, nil)
    if let bad = values.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
      throw .badRow(
        path: weightPath, row: range.lowerBound + bad + 1,
        reason: "the weight is \(values[bad]); weights are finite numbers of 0 or more")
    }
    return values
  }

  private static func read(
    _ reader: NPYReader, _ range: Range<Int>, _ units: ColumnUnits?
  ) throws(FileError) -> [Float] {
    try reader.seek(toRow: range.lowerBound)
    guard let units else { return try reader.readFloats(range.count) }
    return reader.isDouble
      ? units.centred(try reader.read(range.count))
      : units.centred(try reader.readFloats(range.count))
  }
}
