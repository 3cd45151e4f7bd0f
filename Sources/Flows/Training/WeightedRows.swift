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
