import FlowIR

extension LoadNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let n = target.elements
    if isGrouped {
      return [
        KernelCall.loadGroups(
          source: "(const fk_real *)args[\(argument)]", n: n, row: "row",
          size: "*(const int64_t *)args[\(printer.program.function.arguments.count)]",
          tile: printer.pointer(target)
        ).statement
      ]
    }
    return [
      KernelCall.loadTile(
        source: "(const fk_real *)args[\(argument)] + row * \(n)", n: n,
        tile: printer.pointer(target)
      ).statement
    ]
  }
}

extension StoreNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let n = source.elements
    let call = KernelCall.storeTile(
      tile: printer.pointer(source), n: n,
      target: "(fk_real *)results[\(result)] + row * \(n)")
    return ["if (results[\(result)]) \(call.statement)"]
  }
}

extension CopyNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let items = Dictionary(grouping: copied) { runs[$0].buffer }
    var statements: [String] = []
    for index in copied {
      let run = runs[index]
      if let buffer = run.buffer, let items = items[buffer], items.count >= Self.leastInTable {
        if index == items[0] { statements.append(table(items, from: buffer, node, printer)) }
        continue
      }
      let condition = printer.steps == nil ? "" : "if (step == \(node.itemSteps[index])) "
      statements.append(condition + statement(run, printer))
    }
    return statements
  }

  /// How many runs from one buffer are copied in a loop over tables: compilers take longer for copies side by side
  /// than their number says, a second for two hundred.
  private static let leastInTable = 8

  /// The copies of some items from one buffer.
  private func table(
    _ items: [Int], from source: Buffer, _ node: Node, _ printer: NodePrinter
  ) -> String {
    var (to, at, steps): ([Int], [Int], [Int]) = ([], [], [])
    for item in items {
      guard case .buffer(_, let index) = runs[item].source else { continue }
      to += runs[item].target..<runs[item].target + runs[item].count
      at += index..<index + runs[item].count
      let step = printer.steps == nil ? 0 : node.itemSteps[item]
      steps += [Int](repeating: step, count: runs[item].count)
    }
    let (begin, end, order) = printer.range(steps, count: at.count)
    let places = order ?? Array(at.indices)
    return KernelCall.copyElements(
      begin: begin, end: end, target: printer.pointer(target),
      to: printer.definitions.table(places.map { to[$0] }), source: printer.pointer(source),
      at: printer.definitions.table(places.map { at[$0] })
    ).statement
  }

  private func statement(_ run: Run, _ printer: NodePrinter) -> String {
    let to = "\(printer.pointer(target)) + \(run.target) * FK_TILE"
    switch run.source {
    case .buffer(let buffer, let index):
      let source = "\(printer.pointer(buffer)) + \(index) * FK_TILE"
      return KernelCall.copy(target: to, source: source, n: run.count).statement
    case .uniform(let value, let index):
      let source = "\(printer.places.pointer(value)) + \(index)"
      return KernelCall.fillFrom(target: to, source: source, n: run.count).statement
    case .constant(let value):
      return KernelCall.fill(target: to, value: printer.number(value), n: run.count).statement
    }
  }
}

extension WeightGradientNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let gy = printer.pointer(gradient)
    let clear = KernelCall.clearRows(tile: gy, n: outputs)
    let x = printer.pointer(input)
    let chosen = rows.map {
      KernelCall.chosenRows(
        condition: printer.pointer($0.condition), x: x, n: inputs,
        target: printer.pointer($0.copy)
      ).expression
    }
    return [
      "if (valid < FK_TILE) \(clear.statement)",
      KernelCall.weightGradient(
        gy: gy, x: chosen ?? x, inputs: inputs, xt: printer.pointer(transposed),
        stride: stride, blocks: printer.definitions.panels(layout), count: layout.panels.count,
        gw: "gradients + \(printer.phase.slots.offsets[reduction])"
      ).statement,
    ]
  }
}

extension RowSumNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let sums = "sums + \(printer.phase.slots.offsets[reduction])"
    return [
      KernelCall.addRowSums(tile: printer.pointer(source), n: source.elements, sums: sums)
        .statement
    ]
  }
}

extension SolveNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let systems = KernelCall.Systems(
      step: isShared ? 0 : size * size, vectors: vectors, n: size, upper: upper, unit: unit)
    let (b, x) = (printer.pointer(input), printer.pointer(output))
    switch matrix {
    case .uniform(let value):
      let a = printer.places.pointer(value)
      return [KernelCall.solveTile(a: a, b: b, x: x, systems).statement]
    case .rows(let buffer):
      let a = printer.pointer(buffer)
      return [KernelCall.solveTileRows(a: a, b: b, x: x, systems).statement]
    }
  }
}

extension RandomNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let (key0, key1) = printer.places.key(seed)
    let numbers = "args[\(printer.program.rowNumbersPlace)]"
    return [
      KernelCall.random(
        normal: distribution == .normal, key0: key0, key1: key1,
        firstRow: "first_row + (uint64_t)row",
        numbers: "\(numbers) ? (const int64_t *)\(numbers) + row : 0", stream: stream,
        n: target.elements, tile: printer.pointer(target)
      ).statement
    ]
  }
}
