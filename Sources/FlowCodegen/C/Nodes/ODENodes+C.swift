import FlowIR

extension ODESolveNode {
  /// The derivatives at the start and a little later, from which the first step is guessed, then attempts
  /// of six stages each until every row is done.
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let c = printer.pointer(block)
    let record = record.map { printer.pointer($0) }
    let begin = KernelCall.odeBegin(c: c, t0: printer.pointer(start), t1: printer.pointer(end))
    return [begin.statement, "for (int attempt = -1, stage = 0;;) {"]
      + stage(c, printer) + attempt(c, record, printer)
      + [
        "if (!\(KernelCall.odeNext(c: c).expression) || ++attempt == \(control.steps)) break;",
        "stage = 1;", "}",
      ] + finish(c, record, printer)
  }

  /// The derivatives of one stage.
  private func stage(_ c: String, _ printer: NodePrinter) -> [String] {
    var lines = [KernelCall.odeTime(c: c, t: printer.pointer(time)).statement]
    for state in states {
      lines.append(
        KernelCall.odePoint(
          c: c, n: state.x.elements, x: printer.pointer(state.x), k: printer.pointer(state.k),
          y: printer.pointer(state.point)
        ).statement)
    }
    lines += printer.statements(nodes)
    lines += states.map { printer.keep($0.derivative, in: $0.k) }
    let first = states.map {
      KernelCall.odeCheck(
        c: c, n: $0.x.elements, x: printer.pointer($0.x), k: printer.pointer($0.k),
        atol: printer.number(control.atol), rtol: printer.number(control.rtol)
      ).statement
    }
    let second = states.map {
      KernelCall.odeChange(
        c: c, n: $0.x.elements, x: printer.pointer($0.x), k: printer.pointer($0.k),
        atol: printer.number(control.atol), rtol: printer.number(control.rtol)
      ).statement
    }
    lines += ["if (stage == 0) {"] + first + [KernelCall.odeProbe(c: c).statement, "}"]
    lines += ["if (stage == 1 && attempt < 0) {"] + second
    lines += [KernelCall.odeGuess(c: c).statement, "attempt = 0;", "continue;", "}"]
    return lines + ["if (++stage < \(Self.stages)) continue;"]
  }

  /// What is done once all stages of a step are known: rows whose error is small move.
  private func attempt(_ c: String, _ record: String?, _ printer: NodePrinter) -> [String] {
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
  private func finish(_ c: String, _ record: String?, _ printer: NodePrinter) -> [String] {
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
