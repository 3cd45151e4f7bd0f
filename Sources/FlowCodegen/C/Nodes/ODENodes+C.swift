import FlowIR

extension ODESolveNode {
  /// The derivatives at the start and a little later, from which the first step is guessed, then attempts
  /// of six stages each until every row of the tile is done.
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let c = printer.pointer(block)
    let isStart = "if (isFirst) {"
    return [start(printer)] + count(node, rows: "FK_TILE", printer)
      + count(node, stages: 2, of: "FK_TILE", lanes: "FK_TILE", printer)
      + ["for (int isFirst = 1, stage = 0;;) {"]
      + stage(printer.statements(nodes), printer)
      + [isStart] + guess(printer) + ["if (++stage < 2) continue;", "isFirst = 0;"]
      + ["stage = 1;", "continue;", "}", "if (++stage < \(Self.stages)) continue;"]
      + count(
        node, stages: Self.stages - 1, of: KernelCall.odeMoving(c: c).expression, lanes: "FK_TILE",
        printer) + attempt(printer)
      + ["if (!\(KernelCall.odeNext(c: c, most: control.steps).expression)) break;"]
      + ["stage = 1;", "}"] + finish(in: printer)
  }

  /// The derivatives at the start and a little later, and the guess of the first step, with a
  /// statement that evaluates the derivatives.
  func begin(_ node: Node, _ derivative: String, rows: String, in printer: NodePrinter) -> [String]
  {
    [start(printer)] + count(node, rows: rows, printer)
      + count(node, stages: 2, of: rows, lanes: CVariable.width, printer)
      + ["for (int stage = 0; stage < 2; stage++) {"]
      + stage([derivative], printer) + guess(printer) + ["}"]
  }

  /// The steps of a group's rows until all are done.
  func steps(
    _ node: Node, _ derivative: String, group: String, in printer: NodePrinter
  ) -> [String] {
    let c = printer.pointer(block)
    return [KernelCall.odeOpen(g: "&" + group).statement]
      + ["while (\(KernelCall.odeSeat(g: "&" + group).expression)) {"]
      + ["const int width = \(group).width;"]
      + count(
        node, stages: Self.stages - 1, of: "\(group).active", lanes: CVariable.width, printer)
      + ["for (int stage = 1; stage < \(Self.stages); stage++) {"]
      + stage([derivative], printer) + ["}"] + attempt(printer)
      + [KernelCall.odeNext(c: c, most: control.steps).statement, "}"]
  }

  /// Counts rows, if the node is counted.
  private func count(_ node: Node, rows: String, _ printer: NodePrinter) -> [String] {
    guard let index = printer.counters[ObjectIdentifier(node)] else { return [] }
    return ["\(printer.count(.searches, index)) += (uint64_t)(\(rows));"]
  }

  /// Counts evaluations in some rows, and the lanes that they are computed in, if the node is counted.
  private func count(
    _ node: Node, stages: Int, of rows: String, lanes: String, _ printer: NodePrinter
  ) -> [String] {
    guard let index = printer.counters[ObjectIdentifier(node)] else { return [] }
    return [
      "\(printer.count(.evaluations, index)) += \(stages) * (uint64_t)(\(rows));",
      "\(printer.count(.passes, index)) += \(stages) * (uint64_t)\(lanes);",
    ]
  }

  private func start(_ printer: NodePrinter) -> String {
    KernelCall.odeBegin(
      c: printer.pointer(block), t0: printer.pointer(start), t1: printer.pointer(end)
    ).statement
  }

  /// The derivatives of one stage.
  private func stage(_ derivative: [String], _ printer: NodePrinter) -> [String] {
    let c = printer.pointer(block)
    let points = states.map {
      KernelCall.odePoint(
        c: c, n: $0.x.elements, x: printer.pointer($0.x), k: printer.pointer($0.k),
        y: printer.pointer($0.point)
      ).statement
    }
    return [KernelCall.odeTime(c: c, t: printer.pointer(time)).statement] + points + derivative
      + states.map { printer.keep($0.derivative, in: $0.k) }
  }

  /// What is done with the derivatives of the first two stages before any step.
  private func guess(_ printer: NodePrinter) -> [String] {
    let c = printer.pointer(block)
    let (atol, rtol) = (printer.number(control.atol), printer.number(control.rtol))
    let first = states.map {
      KernelCall.odeCheck(
        c: c, n: $0.x.elements, x: printer.pointer($0.x), k: printer.pointer($0.k), atol: atol,
        rtol: rtol
      ).statement
    }
    let second = states.map {
      KernelCall.odeChange(
        c: c, n: $0.x.elements, x: printer.pointer($0.x), k: printer.pointer($0.k), atol: atol,
        rtol: rtol
      ).statement
    }
    return ["if (stage == 0) {"] + first + [KernelCall.odeProbe(c: c).statement, "} else {"]
      + second + [KernelCall.odeGuess(c: c).statement, "}"]
  }

  /// What is done once all stages of a step are known: rows whose error is small move.
  private func attempt(_ printer: NodePrinter) -> [String] {
    let c = printer.pointer(block)
    let record = record.map { printer.pointer($0) }
    var lines: [String] = []
    for state in states {
      lines.append(
        KernelCall.odeError(
          c: c, n: state.x.elements, x: printer.pointer(state.x), k: printer.pointer(state.k),
          y: printer.pointer(state.point), atol: printer.number(control.atol),
          rtol: printer.number(control.rtol)
        ).statement)
    }
    if let record {
      lines.append(KernelCall.odeRecord(c: c, width: width, record: record).statement)
    }
    for (state, place) in zip(states, places(record)) {
      lines.append(
        KernelCall.odeMove(
          c: c, n: state.x.elements, x: printer.pointer(state.x), k: printer.pointer(state.k),
          y: printer.pointer(state.point), width: width, record: place
        ).statement)
    }
    return lines
  }

  /// What is done once the loop has ended: rows that took fewer steps, and those that failed.
  func finish(in printer: NodePrinter) -> [String] {
    let c = printer.pointer(block)
    let record = record.map { printer.pointer($0) }
    var lines = ["{", "const int steps = \(KernelCall.odeEnd(c: c).expression);"]
    if let record {
      lines.append(
        KernelCall.odePause(c: c, steps: "steps", width: width, record: record).statement)
      lines.append("(\(record))[\(control.steps * width) * FK_TILE] = (fk_real)steps;")
    }
    for (state, place) in zip(states, places(record)) {
      lines.append(
        KernelCall.odeRest(
          c: c, n: state.x.elements, x: printer.pointer(state.x), steps: "steps", width: width,
          record: place
        ).statement)
    }
    return lines + ["}"]
  }

  /// Where each state lies in a step of the record, if there is one.
  private func places(_ record: String?) -> [String] {
    var offset = 2
    return states.map { state in
      defer { offset += state.x.elements }
      return record.map { "\($0) + \(offset) * FK_TILE" } ?? CVariable.none
    }
  }
}

extension ODEAdjointNode {
  /// The recorded steps from the last to the first: five stages forward, six back.
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let c = printer.pointer(block)
    let record = printer.pointer(record)
    var lines = sums.map {
      KernelCall.fill(target: printer.pointer($0.total), value: "0", n: $0.total.elements)
        .statement
    }
    // Weight gradients of a slot's first tile are stored, not added; a loop that adds starts from 0.
    for range in innerReductions.compactMap({ printer.phase.slots.ranges[$0] }) {
      lines.append(
        "if (!accumulate) memset(gradients + \(range.lowerBound), 0, "
          + "\(range.count) * sizeof(fk_real));")
    }
    let count = "(int)(\(record))[\(steps * width) * FK_TILE]"
    lines += [
      "for (int step = \(count) - 1; step >= 0; step--) {",
      "const fk_real *record = \(record) + (int64_t)step * \(width) * FK_TILE;",
      "/* What the slot holds has been cleared, so all parts add up. */",
      "const int accumulate = 1;",
      "(void)accumulate;",
      KernelCall.odeRecall(c: c, record: "record").statement,
    ]
    lines += forward(c, printer) + backward(c, printer)
    for state in states {
      lines.append(
        KernelCall.odePull(
          c: c, n: state.cotangent.elements, h: printer.pointer(state.h),
          y: printer.pointer(state.cotangent)
        ).statement)
    }
    return lines + ["}"]
  }

  /// The states of a step's stages.
  private func forward(_ c: String, _ printer: NodePrinter) -> [String] {
    ["for (int stage = 0; stage < \(Self.forwardStages); stage++) {"]
      + [KernelCall.odeTime(c: c, t: printer.pointer(time)).statement]
      + points(c, printer) { $0.point }
      + printer.statements(dynamics)
      + states.map { printer.keep($0.derivative, in: $0.k) } + ["}"]
  }

  /// The cotangents of a step's stages.
  private func backward(_ c: String, _ printer: NodePrinter) -> [String] {
    var lines = ["for (int stage = \(Self.backwardStages - 1); stage >= 0; stage--) {"]
    lines.append(KernelCall.odeTime(c: c, t: printer.pointer(adjointTime)).statement)
    lines += points(c, printer) { $0.adjointPoint }
    for state in states {
      lines.append(
        KernelCall.odeCotangent(
          c: c, n: state.cotangent.elements, y: printer.pointer(state.cotangent),
          h: printer.pointer(state.h), g: printer.pointer(state.seed)
        ).statement)
    }
    lines += printer.statements(adjoint)
    lines += states.map { printer.keep($0.pulled, in: $0.h) }
    for sum in sums {
      lines.append(
        KernelCall.odeAdd(
          c: c, n: sum.total.elements, part: printer.pointer(sum.part),
          sum: printer.pointer(sum.total)
        ).statement)
    }
    return lines + ["}"]
  }

  private func points(
    _ c: String, _ printer: NodePrinter, _ point: (State) -> Buffer
  ) -> [String] {
    var offset = 2
    return states.map { state in
      defer { offset += state.cotangent.elements }
      return KernelCall.odePoint(
        c: c, n: state.cotangent.elements, x: "record + \(offset) * FK_TILE",
        k: printer.pointer(state.k), y: printer.pointer(point(state))
      ).statement
    }
  }
}

extension NodePrinter {
  /// Keeps what a stage leaves.
  fileprivate func keep(_ part: Buffer, in stages: Buffer) -> String {
    "memcpy(\(pointer(stages)) + stage * \(part.elements) * FK_TILE, \(pointer(part)), "
      + "\(part.elements) * FK_TILE * sizeof(fk_real));"
  }
}
