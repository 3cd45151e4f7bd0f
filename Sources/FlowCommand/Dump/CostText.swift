import FlowIR

/// The costs of a function's operations as a table.
struct CostText {
  let text: String

  init(_ function: Function) {
    let costs = OperationCosts(function)
    func line(_ cost: OperationCosts.Cost, _ isRow: Bool, _ text: String) -> String {
      "\(cost.dense)".right(10) + " " + "\(cost.run)".right(12) + " " + "\(cost.bytes)".right(12)
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
}
