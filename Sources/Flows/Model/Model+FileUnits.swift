import FlowFiles

extension Model {
  /// Puts the flow in the units of a file that is read once from the front, and may be larger than memory; see
  /// `standardize` of `Rows`. Numbers keep the digits of the file. Medians and quartiles are those of at most
  /// 100,000 rows, evenly spread over the file.
  ///
  /// - Parameters:
  ///   - x: the rows, all of them finite.
  ///   - context: the context of each row; nil to leave the context as it is.
  ///   - weights: one column: how much each row counts; nil if all count alike.
  ///   - method: what centre and scale are.
  /// - Throws: `FileError` for files that can't be read or do not fit together, or a number that is not finite;
  ///   `FlowError` for a table that does not fit, or a model that a closure built.
  public mutating func standardize(
    _ x: RowFile, context: RowFile? = nil, weights: RowFile? = nil,
    by method: Standardization = .deviation
  ) throws {
    for (file, columns, name) in [(x, features, "x"), (context, self.context, "context")] {
      guard let file, file.columns != columns || file.count == 0 else { continue }
      throw FlowError.invalid(
        place: name, found: "\(file.count) rows of \(file.columns) columns in \(file.path)",
        expected: "rows of \(columns) columns")
    }
    let counts = try FileTable(
      x: x, context: context, weights: weights, units: nil, contextUnits: nil)
    try addUnits(context: context != nil)
    let memory = TrainingMemory(nil)
    var finder = UnitsFinder(columns: features, rows: x.count, by: method, memory: memory)
    var conditions = context.map {
      UnitsFinder(columns: $0.columns, rows: $0.count, by: method, memory: memory)
    }
    let (reader, other) = (try x.reader(), try context?.reader())
    let chunk = max((1 << 20) / (features + self.context), 1)
    for start in stride(from: 0, to: x.count, by: chunk) {
      let range = start..<min(start + chunk, x.count)
      let weights = try counts.weights(range)
      let values = try finite(reader, range.count, x)
      finder.add(bounds?.unbounded(values) ?? values, weights: weights)
      guard let context, let other else { continue }
      conditions?.add(try finite(other, range.count, context), weights: weights)
    }
    if bounds != nil {
      unboundedUnits = keepingAngles(finder.units)
    } else {
      units = keepingAngles(finder.units)
    }
    if let conditions { contextUnits = conditions.units }
  }

  private func finite(
    _ reader: NPYReader, _ count: Int, _ file: RowFile
  ) throws(FileError) -> [Double] {
    let values = try reader.read(count)
    guard let bad = values.firstIndex(where: { !$0.isFinite }) else { return values }
    throw .badRow(
      path: file.path, row: reader.number(ofRow: bad / file.columns),
      reason: "column \(bad % file.columns + 1) is \(values[bad]); units need finite numbers")
  }
}
