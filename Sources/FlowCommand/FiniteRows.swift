import FlowRuntime

/// The rows whose inputs are finite, and which rows of the file they are.
struct FiniteRows<Number: RowNumber> {
  private let features: Int
  private let columns: Int
  private var x: [Number] = []
  private var context: [Number] = []
  /// For each row of the file, its number, and whether it is among these.
  private var numbers: [(number: Int, isFinite: Bool)] = []
  private(set) var bad = BadRows()
  /// How many there are.
  private(set) var count = 0

  init(features: Int, context: Int) {
    self.features = features
    columns = context
  }

  var inputs: [String: HostArray] {
    var inputs = ["x": Number.array(x, shape: [count, features])]
    if columns > 0 { inputs["context"] = Number.array(context, shape: [count, columns]) }
    return inputs
  }

  mutating func append(_ part: RowChunk<Number>) {
    for row in 0..<part.rows {
      let isFinite = part.isFinite?[row] ?? true
      numbers.append((part.number(row), isFinite))
      if isFinite { count += 1 }
    }
    guard let isFinite = part.isFinite else {
      x += part.x
      context += part.context
      return
    }
    for row in 0..<part.rows where isFinite[row] {
      x += part.x[row * features..<(row + 1) * features]
      context += part.context[row * columns..<(row + 1) * columns]
    }
  }

  /// The numbers of these rows among those of all, which are NaN elsewhere.
  func spread(_ values: [Number]) -> [Number] {
    guard count < numbers.count, count > 0 || values.isEmpty else { return values }
    let width = count > 0 ? values.count / count : features
    var all = [Number](repeating: .nan, count: numbers.count * width)
    var from = 0
    for (row, entry) in numbers.enumerated() where entry.isFinite {
      for column in 0..<width { all[row * width + column] = values[from + column] }
      from += width
    }
    return all
  }

  /// Counts the rows with NaN among their gradients.
  mutating func count(nanIn values: [Number], columns: Int) {
    for (row, entry) in numbers.enumerated()
    where values[row * columns..<(row + 1) * columns].contains(where: \.isNaN) {
      bad.add(entry.number, isFinite: entry.isFinite)
    }
  }
}
