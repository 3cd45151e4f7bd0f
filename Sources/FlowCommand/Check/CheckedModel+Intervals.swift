import FlowPlot
import Flows

extension CheckedModel {
  /// What a column is called: by its number, and its name if it has one.
  func name(of column: Int) -> String {
    let names = model.columns.x
    return "column \(column + 1)" + (column < names.count ? ", \(names[column])" : "")
  }

  /// The share of the data outside of the interval in which the first transform shapes a feature, and the
  /// column in which it is largest.
  func intervals() throws -> [Finding] {
    guard let data, let description = model.description, let values = unshaped(data, description)
    else { return [] }
    let columns = (0..<data.columns).map { column in
      stride(from: column, to: values.count, by: data.columns).map { values[$0] }
    }
    let intervals = ShapedInterval.intervals(of: description)
    let counts = zip(columns, intervals).map { numbers, interval in
      interval?.outside(numbers.filter(\.isFinite)) ?? 0
    }
    guard let worst = counts.indices.max(by: { counts[$0] < counts[$1] }),
      let interval = intervals[worst] ?? intervals.lazy.compactMap({ $0 }).first
    else { return [] }
    let figures = counts.enumerated().map { ("outside_column_\($0 + 1)", Double($1)) }
    guard counts[worst] > 0 else {
      return [
        Finding(
          "interval", .fine,
          "all rows are inside of the interval that the flow shapes, \(interval.text) in its units",
          figures: figures)
      ]
    }
    let share = 100 * Double(counts[worst]) / Double(data.count)
    let columnsOutside = counts.count { $0 > 0 }
    return [
      Finding(
        "interval", share > 1 ? .notable : .fine,
        "\(counts[worst]) of \(data.count) rows (\(Summary.short(share)) %) are outside of "
          + "\(interval.text) in \(name(of: worst)), \(interval.beyond)"
          + (columnsOutside > 1 ? "; \(columnsOutside) columns have such rows" : ""),
        advice: "train on standardised data; give bounds, or a base with heavy tails, as it needs",
        figures: figures)
    ]
  }

  /// The data in the units that the flow's own first transform reads; nil for a flow without an interval, or
  /// with other transforms before it.
  private func unshaped(_ data: Rows<Float>, _ description: FlowDescription) -> [Double]? {
    guard !ShapedInterval.intervals(of: description).isEmpty else { return nil }
    var values = data.withUnsafeBufferPointer { $0.map { Double($0) } }
    let units = model.units ?? model.unboundedUnits
    if let bounds = model.bounds { values = bounds.unbounded(values) }
    guard description.before.count == (units == nil ? 0 : 1) + (model.bounds == nil ? 0 : 1) else {
      return nil
    }
    guard let units else { return values }
    return values.enumerated().map { index, value in
      let column = index % data.columns
      return (value - units.centre[column]) / units.scale[column]
    }
  }
}
