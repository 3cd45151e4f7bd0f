import FlowIR

/// Prints the nodes of a loop over rows for people.
struct NodeText {
  let function: Function
  let scratch: ScratchPlan

  /// The elements of scratch memory that a buffer takes.
  func place(_ buffer: Buffer) -> String {
    let range = scratch.range(of: buffer)
    return "[\(range.lowerBound)..<\(range.upperBound)]"
  }

  func lines(_ nodes: [Node], indent: String) -> [PrintedLine] {
    var scope = ""
    var lines: [PrintedLine] = []
    for node in nodes {
      if node.scope.path != scope, !node.scope.path.isEmpty {
        scope = node.scope.path
        lines.append(PrintedLine("\(indent)// \(scope)", node.scope))
      }
      lines += self.lines(node, indent: indent)
    }
    return lines
  }

  private func lines(_ node: Node, indent: String) -> [PrintedLine] {
    func line(_ text: String) -> PrintedLine { PrintedLine(text, node.scope) }
    let start = indent + node.body.summary(self) + steps(node.itemSteps)
    let bodies = node.body.bodies.map { lines($0, indent: indent + "  ") }
    if bodies.isEmpty { return [line(start)] }
    return [line("\(start) {")] + Array(bodies.joined(separator: [line("\(indent)} {")]))
      + [line("\(indent)}")]
  }

  /// How many items of a node run in each step of an incremental loop.
  private func steps(_ itemSteps: [Int]) -> String {
    guard let last = itemSteps.max() else { return "" }
    var counts = [Int](repeating: 0, count: last + 1)
    for step in itemSteps { counts[step] += 1 }
    return " by step " + counts.map(String.init).joined(separator: " ")
  }
}
