import FlowIR

extension RootNode {
  /// Whether the slopes are those of the values: not those of an integral by a rule, whose slope is
  /// that of the exact integral.
  private var hasExactSlopes: Bool {
    !nodes.flatMap(\.all).contains { $0.body is QuadratureNode || $0.body is ODESolveNode }
  }

  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let items = printer.items(node.itemSteps, count: self.items)
    let pointers = ([state] + working + [target, value, slope]).map { printer.pointer($0) }
    let root =
      pointers + [
        printer.number(lower), printer.number(upper), hasExactSlopes ? "0" : "1",
      ]
    var (searches, evaluations): ([String], [String]) = ([], [])
    if let index = printer.counters[ObjectIdentifier(node)] {
      searches = [
        "\(printer.count(.searches, index)) += (uint64_t)((\(items.end)) - (\(items.begin))) "
          + "* FK_TILE;"
      ]
      evaluations = [
        "\(printer.count(.evaluations, index)) += (uint64_t)"
          + KernelCall.rootOpen(r: "&root", items).statement,
        "\(printer.count(.passes, index))++;",
      ]
    }
    return [
      "{",
      "const fk_root root = {\(root.joined(separator: ", "))};",
      KernelCall.rootStart(r: "&root", items).statement,
    ] + searches + [
      "for (int pass = 0; pass < FK_ROOT_PASSES; pass++) {"
    ] + evaluations + printer.statements(nodes) + [
      "if (!\(KernelCall.rootStep(r: "&root", items).expression)) break;", "}", "}",
    ]
  }
}

extension QuadratureNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let rule = GaussLegendre.rule(count)
    func table(_ numbers: [Double]) -> String {
      printer.definitions.table(
        "fk_real", numbers.map { printer.number($0) }.joined(separator: ", "))
    }
    let (nodeTable, weightTable) = (table(rule.nodes), table(rule.weights))
    let items = printer.items(node.itemSteps, count: self.items)
    var lines = [
      "for (int node = 0; node < \(count); node++) {",
      "const int more = accumulate || node;",
      KernelCall.node(
        a: printer.pointer(limits.a), b: printer.pointer(limits.b), u: "\(nodeTable)[node]",
        w: "\(weightTable)[node]", t: printer.pointer(point), dt: printer.pointer(weight), items
      ).statement,
      "{",
      // Sums over rows go on from node to node.
      "const int accumulate = more;",
      "(void)accumulate;",
    ]
    lines += printer.statements(nodes) + ["}"]
    for sum in sums {
      let items = printer.items(sum.steps, count: sum.total.elements)
      lines.append(
        KernelCall.accumulate(
          sums: printer.pointer(sum.total), values: printer.pointer(sum.value),
          first: "node == 0", items
        ).statement)
    }
    return lines + ["}"]
  }
}
