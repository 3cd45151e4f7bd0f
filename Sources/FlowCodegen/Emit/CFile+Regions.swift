import FlowIR

extension CFile {
  /// The list of items for a kernel: 0 for all in order, else a table.
  private func items(_ order: [Int]?) -> String {
    order.map { $0 == Array($0.indices) ? "0" : definitions.table($0) } ?? "0"
  }

  /// A search for roots; `step` is the number of steps of an enclosing incremental loop.
  func statements(
    _ root: RootNode, node: Node, step: Int?, layout: SlotLayout
  ) -> [String] {
    let (begin, end, order) = range(node, count: root.state.elements, step: step)
    let arguments = "\(begin), \(end), \(items(order))"
    let dtype = program.dtype
    let pointers = [
      root.state, root.low, root.high, root.step, root.target, root.value, root.slope,
    ].map { pointer($0) }.joined(separator: ", ")
    var lines = [
      "{",
      "const fk_root root = {\(pointers), \(Expressions.number(root.lower, dtype)), "
        + "\(Expressions.number(root.upper, dtype))};",
      "fk_root_start(&root, \(arguments));",
      "for (int pass = 0; pass < FK_ROOT_PASSES; pass++) {",
    ]
    for inner in root.nodes { lines += statements(inner, step: step, layout: layout) }
    lines.append("if (!fk_root_step(&root, \(arguments))) break;")
    return lines + ["}", "}"]
  }

  /// A loop over the nodes of a quadrature.
  func statements(
    _ quadrature: QuadratureNode, node: Node, step: Int?, layout: SlotLayout
  ) -> [String] {
    let rule = GaussLegendre.rule(quadrature.count)
    let dtype = program.dtype
    let (nodes, weights) = (
      definitions.table(
        "fk_real", rule.nodes.map { Expressions.number($0, dtype) }.joined(separator: ", ")),
      definitions.table(
        "fk_real", rule.weights.map { Expressions.number($0, dtype) }.joined(separator: ", "))
    )
    let (begin, end, order) = range(node, count: quadrature.point.elements, step: step)
    var lines = [
      "for (int node = 0; node < \(quadrature.count); node++) {",
      "const int more = accumulate || node;",
      "fk_node(\(pointer(quadrature.limits.a)), \(pointer(quadrature.limits.b)), \(nodes)[node], "
        + "\(weights)[node], \(pointer(quadrature.point)), \(pointer(quadrature.weight)), "
        + "\(begin), \(end), \(items(order)));",
      "{",
      // Sums over rows go on from node to node.
      "const int accumulate = more;",
      "(void)accumulate;",
    ]
    for inner in quadrature.nodes { lines += statements(inner, step: step, layout: layout) }
    lines.append("}")
    for sum in quadrature.sums {
      let (begin, end, order) = range(sum.steps, count: sum.total.elements, step: step)
      lines.append(
        "fk_accumulate(\(pointer(sum.total)), \(pointer(sum.value)), node == 0, \(begin), \(end), "
          + "\(items(order)));")
    }
    return lines + ["}"]
  }
}
