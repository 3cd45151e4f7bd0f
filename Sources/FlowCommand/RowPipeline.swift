import FlowFiles
import FlowRuntime
import Flows

/// A result of a function of rows, and where it goes.
struct RowResult {
  let name: String
  /// The numbers of a row.
  let columns: Int
  let writer: any RowWriter
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

  /// Calls the function on some rows and writes what it gives.
  ///
  /// - Parameters:
  ///   - inputs: the function's arguments, by name.
  ///   - rows: how many rows there are.
  ///   - firstRow: the number of the first in a sample.
  ///   - isFinite: for each row, whether its inputs are finite; nil if all are.
  ///   - number: the number of a row in its file.
  mutating func process(
    _ inputs: [String: HostArray], rows: Int, firstRow: Int = 0, isFinite: [Bool]?,
    number: (Int) -> Int
  ) throws {
    let found = try function(inputs, rows: rows, firstRow: firstRow, threads: threads)
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
      try Number.write(values, to: result.writer)
    }
    guard let isNaN else { return }
    for row in 0..<rows where isNaN[row] {
      bad.add(number(row), isFinite: isFinite?[row] ?? true)
    }
  }

  /// Counts the bad rows among those that an earlier run wrote, without reading their inputs again.
  mutating func count(earlier values: [Double], number: (Int) -> Int, isFinite: [Bool]?) {
    for (row, value) in values.enumerated() where value.isNaN {
      bad.add(number(row), isFinite: isFinite?[row] ?? true)
    }
  }
}

extension RowChunk {
  /// The arguments of a function that takes these rows under a name.
  func inputs(_ name: String, features: Int, context columns: Int) -> [String: HostArray] {
    var inputs = [name: Number.array(x, shape: [rows, features])]
    if columns > 0 { inputs["context"] = Number.array(context, shape: [rows, columns]) }
    return inputs
  }
}
