import FlowIR

/// The costs of a function's operations as a table.
struct CostText {
  let text: String

  init(_ function: Function) {
    let costs = OperationCosts(function)
    func line(_ cost: OperationCosts.Cost, _ isRow: Bool, _ text: String) -> String {
      Self.pad(cost.dense, 10) + " " + Self.pad(cost.run, 12) + " " + Self.pad(cost.bytes, 12)
        + (isRow ? "  row   " : "  call  ") + text
    }
    let operations = costs.lines.map {
      line(
        $0.cost, $0.isRow,
        String(repeating: "  ", count: $0.depth) + $0.operation
          + ($0.scope.isEmpty ? "" : "  // \($0.scope)"))
    }
    let sums = [
      line(costs.row, true, "\(function.name), all operations of rows"),
      line(costs.call, false, "\(function.name), all others, and parameters"),
    ]
    text = (["dense FLOP         FLOP        bytes  per   operation"] + operations + sums)
      .joined(separator: "\n")
  }

  private static func pad(_ value: Int, _ width: Int) -> String {
    let text = "\(value)"
    return String(repeating: " ", count: max(width - text.count, 0)) + text
  }
}
