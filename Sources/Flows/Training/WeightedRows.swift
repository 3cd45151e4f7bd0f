/// Rows with their contexts and weights, row-major: what a fit trains on, or judges epochs on.
public struct WeightedRows: Sendable {
  /// The rows, `features` numbers each.
  public var x: [Float]
  /// The context of each row; empty for a flow without context.
  public var context: [Float]
  /// The weight of each row, 0 or more; nil if all rows count alike.
  public var weights: [Float]?

  /// Makes a table of rows.
  public init(x: [Float], context: [Float] = [], weights: [Float]? = nil) {
    self.x = x
    self.context = context
    self.weights = weights
  }

  /// How many rows there are, after checking that everything fits together.
  ///
  /// - Parameters:
  ///   - model: the flow.
  ///   - minimum: how many rows there must be.
  ///   - prefix: what the names of the tables start with in an error: `validation ` or nothing.
  /// - Throws: `FlowError.invalid` naming the table.
  func checkedCount(
    for model: Model, minimum: Int, prefix: String = ""
  ) throws(FlowError) -> Int {
    let rows = x.count / model.features
    guard x.count == rows * model.features, rows >= minimum else {
      throw .invalid(
        place: prefix + "data", found: "\(x.count) numbers",
        expected: "at least \(minimum) row\(minimum == 1 ? "" : "s") of \(model.features) features")
    }
    guard context.count == rows * model.context else {
      throw .invalid(
        place: prefix + "context", found: "\(context.count) numbers",
        expected: "\(rows) rows of \(model.context) context features")
    }
    guard let weights else { return rows }
    func wrong(_ found: String, _ expected: String) -> FlowError {
      .invalid(place: prefix + "weights", found: found, expected: expected)
    }
    guard weights.count == rows else {
      throw wrong("\(weights.count) numbers", "\(rows), one for each row")
    }
    if let bad = weights.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
      throw wrong("\(weights[bad]) for row \(bad + 1)", "finite numbers of 0 or more")
    }
    guard weights.contains(where: { $0 > 0 }) else {
      throw wrong("only zeros", "a weight above 0 for some row")
    }
    return rows
  }
}

/// Some rows of a table: those that are trained on, or those that epochs are judged on.
struct RowSelection {
  let table: WeightedRows
  /// The numbers of the rows, ascending.
  let rows: [Int]
  /// What weights are multiplied by for compiled code, so that their mean is about 1 whatever their
  /// unit is: a power of two, so that no weight is rounded.
  private let scale: Double

  /// Selects rows by number.
  init(_ table: WeightedRows, _ rows: [Int]) {
    self.table = table
    self.rows = rows
    var scale = 1.0
    if let weights = table.weights, !rows.isEmpty {
      let mean = rows.reduce(0) { $0 + Double(weights[$1]) } / Double(rows.count)
      if mean > 0 { scale = Double(sign: .plus, exponent: -Int(mean.exponent), significand: 1) }
    }
    self.scale = scale
  }

  /// Splits the rows that have a weight: a share of them, in the order of a seed, is held out.
  ///
  /// A row whose weight is 0 is in neither part, as if it were not in the table.
  static func split(
    _ table: WeightedRows, count: Int, heldOut share: Double, seed: UInt64
  ) -> (training: RowSelection, heldOut: RowSelection) {
    var order = weighted(table, count: count)
    var generator = SeededGenerator(seed: seed)
    order.shuffle(using: &generator)
    let held = min(Int((Double(order.count) * share).rounded()), order.count - 1)
    return (
      RowSelection(table, order.dropFirst(held).sorted()),
      RowSelection(table, order.prefix(held).sorted())
    )
  }

  /// The numbers of the rows that have a weight, all if there are no weights.
  static func weighted(_ table: WeightedRows, count: Int) -> [Int] {
    guard let weights = table.weights else { return Array(0..<count) }
    return (0..<count).filter { weights[$0] > 0 }
  }

  /// Some of the selected rows, or all if they are no more.
  func sample(_ count: Int, seed: UInt64) -> RowSelection {
    guard rows.count > count else { return self }
    var order = rows
    var generator = SeededGenerator(seed: seed)
    order.shuffle(using: &generator)
    return RowSelection(table, order.prefix(count).sorted())
  }

  /// The inputs of the training step for some of the rows, with the noise of a seed and epoch over cells.
  func batch(
    _ rows: ArraySlice<Int>, of model: Model, seed: UInt64 = 0, epoch: Int = CellNoise.judging
  ) -> [String: [Float]] {
    var x = Self.gather(table.x, model.features, rows)
    CellNoise(columns: model.discrete, features: model.features, seed: seed)
      .add(to: &x, rows: rows, epoch: epoch)
    var inputs = ["x": x]
    if model.context > 0 { inputs["context"] = Self.gather(table.context, model.context, rows) }
    if let weights = table.weights {
      inputs[Model.rowWeights] = rows.map { Float(Double(weights[$0]) * scale) }
    }
    return inputs
  }

  /// The sum of the weights of some of the rows; how many they are if there are no weights.
  func weight(_ rows: ArraySlice<Int>) -> Double {
    guard let weights = table.weights else { return Double(rows.count) }
    return rows.reduce(0) { $0 + Double(weights[$1]) }
  }

  /// The weights of the selected rows; nil if all rows count alike.
  var weights: [Double]? {
    table.weights.map { weights in rows.map { Double(weights[$0]) } }
  }

  private static func gather(
    _ source: [Float], _ width: Int, _ rows: ArraySlice<Int>
  ) -> [Float] {
    [Float](unsafeUninitializedCapacity: rows.count * width) { target, count in
      source.withUnsafeBufferPointer { source in
        var position = 0
        for row in rows {
          for column in 0..<width {
            target[position] = source[row * width + column]
            position += 1
          }
        }
        count = position
      }
    }
  }
}
