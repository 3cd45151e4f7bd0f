import ArgumentParser
import FlowFiles
import Flows

/// The features whose numbers are those of a grid.
struct DiscreteFlags: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Features of counts, grades or rounded numbers, by name or number from 1, such as count,3:0.5; the step is "
        + "1 if left out.", valueName: "column[:step]"))
  var discrete: String?

  /// The features, counted from 0, and their steps; empty if none were given.
  private func steps(names: [String], features: Int) throws -> [(feature: Int, step: Double)] {
    try ColumnFlag(option: "--discrete").numbers(
      of: discrete, what: "step", example: "grade:0.5", otherwise: 1, names: names,
      features: features
    ).map { (feature: $0.feature, step: $0.number) }
  }

  /// The columns, each with the number of its grid that is nearest to zero as its origin: 0 itself if the
  /// grid has it.
  func columns(_ x: TrainingData, features: Int) throws -> [DiscreteColumn] {
    try steps(names: x.names, features: features).map { feature, step in
      var column = DiscreteColumn(feature: feature, step: step)
      guard feature < x.columns else { return column }
      let first = x.loaded.column(feature).first ?? 0
      // The number of the grid nearest to zero, not one of the data, so that their order does not matter.
      if !column.holds(first) { column.origin = first - column.nearest(first) }
      return column
    }
  }

  /// Checks that rows of a table are of the grids.
  static func check(
    _ chunk: TableChunk, _ columns: [DiscreteColumn], of x: TrainingData
  ) throws(FileError) {
    for column in columns where column.feature < x.columns {
      let numbers = chunk.column(column.feature)
      guard let row = numbers.firstIndex(where: { !column.holds($0) }) else { continue }
      throw .badRow(
        path: x.path, row: chunk.first + row + (x.names.isEmpty ? 1 : 2),
        reason:
          "column \(column.feature + 1) is \(numbers[row]), which is no whole number of steps of "
          + "\(column.step) from \(x.loaded.column(column.feature)[0]); give its step as "
          + "--discrete COLUMN:STEP")
    }
  }

  /// What log-likelihoods are of; nil without discrete columns.
  static func note(_ columns: [DiscreteColumn]) -> String? {
    guard !columns.isEmpty else { return nil }
    let names = columns.map { "\($0.feature + 1)" }.joined(separator: ", ")
    return
      "column\(columns.count == 1 ? "" : "s") \(names): log-likelihoods are densities of rows with noise over "
      + "the cells, on average no more than the log masses that score gives, less the log of a cell's width"
  }

  /// Bounds with those of discrete features half a step further out, at the ends of cells.
  static func bounds(_ given: Bounds, _ columns: [DiscreteColumn]) throws(FlowError) -> Bounds {
    var (lower, upper) = (given.lower, given.upper)
    for column in columns {
      let half = column.step / 2
      if column.holds(lower[column.feature]) { lower[column.feature] -= half }
      if column.holds(upper[column.feature]) { upper[column.feature] += half }
    }
    return try Bounds(lower: lower, upper: upper)
  }
}
