import FlowIR

extension TileProgram {
  /// The program as text: for each loop over rows its nodes in order, with the elements of scratch
  /// memory that they use.
  public var text: String {
    var lines = ["tiles @\(function.name) \(dtype.rawValue)"]
    for (index, phase) in phases.enumerated() {
      lines.append("rows \(index) scratch \(phase.scratchElements) elements {")
      lines += describe(phase.nodes, indent: "  ")
      for (number, reduction) in phase.reductions.enumerated() {
        switch reduction.kind {
        case .rowSum: lines.append("  reduce \(number): row sum of \(reduction.elements)")
        case .weightGradient(let layout, _, let stride, let inputs):
          lines.append(
            "  reduce \(number): weight gradient, \(layout.panels.count) blocks of \(inputs) "
              + "(stride \(stride))")
        }
      }
      lines.append("}")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func describe(_ nodes: [Node], indent: String) -> [String] {
    var scope = Scope()
    var lines: [String] = []
    for node in nodes {
      if node.scope != scope, !node.scope.path.isEmpty {
        scope = node.scope
        lines.append("\(indent)// \(scope.path)")
      }
      lines += describe(node, indent: indent)
    }
    return lines
  }

  private func place(_ buffer: Buffer) -> String {
    "[\(buffer.root.offset)..<\(buffer.root.offset + buffer.root.elements)]"
  }

  private func describe(_ node: Node, indent: String) -> [String] {
    switch node.kind {
    case .load(let argument, let buffer, _):
      return ["\(indent)load \(function.arguments[argument].name) -> \(place(buffer))"]
    case .store(let buffer, let result):
      return ["\(indent)store \(place(buffer)) -> \(function.results[result].name)"]
    case .copy(let runs, let target):
      let count = runs.reduce(0) { $0 + $1.count }
      return ["\(indent)copy \(count) elements in \(runs.count) runs -> \(place(target))"]
    case .random(let distribution, let stream, _, let buffer):
      return ["\(indent)random \(distribution.rawValue) stream \(stream) -> \(place(buffer))"]
    case .rowSum(let buffer, let reduction):
      return ["\(indent)sum rows \(place(buffer)) -> reduce \(reduction)"]
    case .weightGradient(let gradient):
      return [
        "\(indent)weight gradient \(place(gradient.gradient)) x \(place(gradient.input)) -> "
          + "reduce \(gradient.reduction)"
      ]
    case .solve(let solve):
      let kind = (solve.upper ? "upper" : "lower") + (solve.unit ? " unit" : "")
      let matrix: String
      switch solve.matrix {
      case .uniform: matrix = "uniform"
      case .rows(let buffer): matrix = place(buffer)
      }
      return [
        "\(indent)solve \(solve.vectors) x \(solve.size) \(kind) \(matrix), "
          + "\(place(solve.input)) -> \(place(solve.output))"
      ]
    case .linear(let linear):
      let dense = linear.inputs * linear.outputs
      let used = linear.layout.panels.reduce(0) { $0 + $1.rows * $1.k }
      let epilogue = linear.epilogue.map(\.opcode.name).joined(separator: ", ")
      return [
        "\(indent)linear \(linear.outputs) x \(linear.inputs) in \(linear.layout.panels.count) "
          + "panels, \(used) of \(dense) weights, \(place(linear.input)) -> \(place(linear.output))"
          + (epilogue.isEmpty ? "" : " then \(epilogue)") + steps(node)
      ]
    case .group(let group):
      let names = group.operations.map(\.opcode.name).joined(separator: " ")
      let stores = group.stores.map { place($0.buffer) }.joined(separator: " ")
      let sums = group.sums.sorted { $0.key < $1.key }.map { place($0.value.buffer) }
      return [
        "\(indent)group of \(group.extent): \(names)"
          + (stores.isEmpty ? "" : " -> \(stores)")
          + (sums.isEmpty ? "" : " sums \(sums.joined(separator: " "))") + steps(node)
      ]
    case .loop(let loop):
      let bodies = loop.bodies.flatMap { body in
        ["\(indent){"] + describe(body, indent: indent + "  ") + ["\(indent)}"]
      }
      return ["\(indent)\(loop.control.summary)"] + bodies
    case .steps(let steps):
      let kind = steps.isIncremental ? "each item once" : "every item each time"
      return ["\(indent)steps \(steps.steps), \(kind) {"]
        + describe(steps.nodes, indent: indent + "  ") + ["\(indent)}"]
    case .root(let root):
      return ["\(indent)roots \(place(root.target)) -> \(place(root.state))\(self.steps(node)) {"]
        + describe(root.nodes, indent: indent + "  ") + ["\(indent)}"]
    case .quadrature(let quadrature):
      let (a, b) = quadrature.limits
      let totals = quadrature.sums.map { place($0.total) }.joined(separator: " ")
      return [
        "\(indent)quadrature of \(quadrature.count) nodes \(place(a)) to \(place(b))"
          + (totals.isEmpty ? "" : " -> \(totals)") + self.steps(node) + " {"
      ] + describe(quadrature.nodes, indent: indent + "  ") + ["\(indent)}"]
    }
  }

  /// How many items of a node run in each step of an incremental loop.
  private func steps(_ node: Node) -> String {
    guard !node.itemSteps.isEmpty else { return "" }
    var counts = [Int](repeating: 0, count: (node.itemSteps.max() ?? 0) + 1)
    for step in node.itemSteps { counts[step] += 1 }
    return " by step " + counts.map(String.init).joined(separator: " ")
  }
}
