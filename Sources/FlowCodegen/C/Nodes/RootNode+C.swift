import FlowIR

extension RootNode {
  /// Whether the slopes are those of the values: not those of an integral by a rule, whose slope is
  /// that of the exact integral.
  private var hasExactSlopes: Bool {
    !nodes.flatMap(\.all).contains { $0.body is QuadratureNode || $0.body is ODESolveNode }
  }

  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let items = printer.items(node.itemSteps, count: self.items)
    var lines = [
      "{", search(in: printer, isFixed: gathering == nil),
      KernelCall.rootStart(r: "&root", items).statement,
    ]
    if let inverse {
      lines += [
        printer.inverse(inverse, named: "inverse"),
        KernelCall.inverseStart(t: "&inverse", r: "&root", items).statement,
      ]
    }
    lines += searches(node, items, in: printer)
    if elementsAreApart, printer.steps == nil {
      let left = CItems(begin: "0", end: "count", items: "left")
      var printer = printer
      printer.some = left
      lines += [
        "int32_t left[\(self.items)];", "int count = \(self.items);",
        "for (int i = 0; i < count; i++) left[i] = i;",
        "for (int pass = 0; pass < FK_ROOT_PASSES && count; pass++) {",
      ]
      lines += evaluations(node, left, in: printer) + printer.statements(nodes)
      let step = KernelCall.rootSteps(r: "&root", items: "left", count: "count")
      return lines + ["count = \(step.statement)", "}", "}"]
    }
    if let gathering {
      return lines + gathered(node, gathering, items, in: printer) + ["}"]
    }
    lines.append("for (int pass = 0; pass < FK_ROOT_PASSES; pass++) {")
    lines += evaluations(node, items, in: printer) + printer.statements(nodes)
    let step = KernelCall.rootStep(r: "&root", items)
    return lines + ["if (!\(step.expression)) break;", "}", "}"]
  }

  /// The loop of a search that goes on in one vector of rows: there, the tile begins at its first row.
  private func gathered(
    _ node: Node, _ gathering: RootGathering, _ items: CItems, in printer: NodePrinter
  ) -> [String] {
    let scratch = printer.phase.scratch
    let spans = gathering.spans.map { RootGathering.places(of: $0, in: scratch) }
    let starts = spans.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    let table = printer.definitions.table(
      "fk_root_span",
      spans.joined().map { "{\($0.lowerBound), \($0.count)}" }.joined(separator: ", "))
    var (from, to) = ("0", "\(starts[1])")
    if printer.steps != nil {
      let name = printer.definitions.table(starts)
      (from, to) = ("\(name)[step]", "\(name)[step + 1]")
    }
    var lines = [
      "fk_root_rows moved = {0};", "fk_real *const tile = s;",
      "for (int pass = 0; pass < FK_ROOT_PASSES; pass++) {",
      "fk_real *const s = tile + moved.first;", "const int width = root.width;",
    ]
    lines += evaluations(node, items, in: printer) + printer.statements(nodes)
    return lines + [
      "if (!\(KernelCall.rootStep(r: "&root", items).expression)) break;",
      KernelCall.rootGather(
        r: "&root", items, s: "tile", spans: table, from: from, to: to, m: "&moved"
      ).statement, "}",
      KernelCall.rootTrade(s: "tile", spans: table, begin: from, end: to, m: "&moved").statement,
    ]
  }

  /// Counts the searches, if the program is profiled.
  private func searches(_ node: Node, _ items: CItems, in printer: NodePrinter) -> [String] {
    guard let index = printer.counters[ObjectIdentifier(node)] else { return [] }
    return ["\(printer.count(.searches, index)) += \(lanes(items));"]
  }

  /// Counts the evaluations of a pass, if the program is profiled.
  private func evaluations(_ node: Node, _ items: CItems, in printer: NodePrinter) -> [String] {
    guard let index = printer.counters[ObjectIdentifier(node)] else { return [] }
    let open = KernelCall.rootOpen(r: "&root", items)
    return [
      "\(printer.count(.evaluations, index)) += (uint64_t)\(open.statement)",
      "\(printer.count(.passes, index)) += \(lanes(items));",
    ]
  }

  private func lanes(_ items: CItems) -> String {
    "(uint64_t)((\(items.end)) - (\(items.begin))) * (uint64_t)width"
  }

  /// The description of the search, which stays as it is or becomes narrower.
  func search(in printer: NodePrinter, isFixed: Bool = true) -> String {
    let pointers = ([state] + working + [target, value, slope]).map { printer.pointer($0) }
    let ends = [domain.lower, domain.upper].map { printer.number($0) }
    let fields = pointers + ends + [hasExactSlopes ? "0" : "1", CVariable.width]
    return (isFixed ? "const " : "") + "fk_root root = {\(fields.joined(separator: ", "))};"
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
    var nodeCount = "\(count)"
    var lines: [String] = []
    if canBeEmpty {
      // Where all points are the limit, each node of the rule leaves the same: 0, or NaN.
      let (a, b) = (printer.pointer(limits.a), printer.pointer(limits.b))
      nodeCount = "nodes"
      lines = [
        "{",
        "const int nodes = \(KernelCall.noLength(a: a, b: b, items).expression) ? 1 : \(count);",
      ]
    }
    lines += [
      "for (int node = 0; node < \(nodeCount); node++) {",
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
    return lines + (canBeEmpty ? ["}", "}"] : ["}"])
  }
}
