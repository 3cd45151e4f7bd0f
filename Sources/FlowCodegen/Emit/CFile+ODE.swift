import FlowIR

extension CFile {
  func statements(_ loop: LoopNode, layout: SlotLayout) -> [String] {
    switch loop.control {
    case .odeSolve(let solve): return statements(solve, loop.bodies[0], layout: layout)
    case .odeAdjoint(let adjoint): return statements(adjoint, loop.bodies, layout: layout)
    }
  }

  /// The derivatives at the start, then attempts of six stages each until every row is done.
  func statements(
    _ loop: ODESolveLoop, _ body: [Node], layout: SlotLayout
  ) -> [String] {
    let control = pointer(loop.block)
    let record = loop.record.map { pointer($0) }
    let width = 2 + loop.states.reduce(0) { $0 + $1.x.elements }
    let tolerances =
      "\(Expressions.number(loop.control.atol, program.dtype)), "
      + Expressions.number(loop.control.rtol, program.dtype)
    var lines = ["fk_ode_begin(\(control), \(pointer(loop.start)), \(pointer(loop.end)));"]
    lines.append("for (int attempt = 0, stage = 0;;) {")
    lines.append("fk_ode_time(\(control), stage, \(pointer(loop.time)));")
    for state in loop.states {
      lines.append(
        "fk_ode_point(\(control), stage, \(state.x.elements), \(pointer(state.x)), "
          + "\(pointer(state.k)), \(pointer(state.point)));")
    }
    for node in body { lines += statements(node, step: nil, layout: layout) }
    for state in loop.states { lines.append(keep(state.derivative, in: state.k)) }
    lines.append("if (stage == 0) {")
    for state in loop.states {
      lines.append(
        "fk_ode_check(\(control), \(state.x.elements), \(pointer(state.x)), \(pointer(state.k)));")
    }
    lines.append("}")
    lines.append("if (++stage < 7) continue;")
    for state in loop.states {
      lines.append(
        "fk_ode_error(\(control), \(state.x.elements), \(pointer(state.x)), \(pointer(state.k)), "
          + "\(pointer(state.point)), \(tolerances));")
    }
    if let record { lines.append("fk_ode_record(\(control), \(width), \(record));") }
    var offset = 2
    for state in loop.states {
      let place = record.map { "\($0) + \(offset) * FK_TILE" } ?? "0"
      lines.append(
        "fk_ode_move(\(control), \(state.x.elements), \(pointer(state.x)), \(pointer(state.k)), "
          + "\(pointer(state.point)), \(width), \(place));")
      offset += state.x.elements
    }
    lines.append(
      "if (!fk_ode_next(\(control)) || ++attempt == \(loop.control.steps)) break;")
    lines.append("stage = 1;")
    lines.append("}")
    lines.append("{")
    lines.append("const int steps = fk_ode_end(\(control));")
    if let record {
      lines.append("fk_ode_pause(\(control), steps, \(width), \(record));")
      lines.append("(\(record))[\(loop.control.steps * width) * FK_TILE] = (fk_real)steps;")
    }
    offset = 2
    for state in loop.states {
      let place = record.map { "\($0) + \(offset) * FK_TILE" } ?? "0"
      lines.append(
        "fk_ode_rest(\(control), \(state.x.elements), \(pointer(state.x)), steps, \(width), "
          + "\(place));")
      offset += state.x.elements
    }
    lines.append("}")
    return lines
  }

  /// The recorded steps from the last to the first: five stages forward, six back.
  func statements(
    _ loop: ODEAdjointLoop, _ bodies: [[Node]], layout: SlotLayout
  ) -> [String] {
    let control = pointer(loop.block)
    var lines: [String] = []
    for (_, sum) in loop.sums { lines.append("fk_fill(\(pointer(sum)), 0, \(sum.elements));") }
    lines += clearGradients(loop.reductions, layout: layout)
    let count = "(int)(\(pointer(loop.record)))[\(loop.steps * loop.width) * FK_TILE]"
    lines.append("for (int step = \(count) - 1; step >= 0; step--) {")
    lines.append(
      "const fk_real *record = \(pointer(loop.record)) + (int64_t)step * \(loop.width) * FK_TILE;")
    lines.append("/* What the slot holds has been cleared, so all parts add up. */")
    lines.append("const int accumulate = 1;")
    lines.append("(void)accumulate;")
    lines.append("fk_ode_recall(\(control), record);")

    func points(_ buffer: (ODEAdjointLoop.State) -> Buffer) -> [String] {
      var offset = 2
      return loop.states.map { state in
        defer { offset += state.cotangent.elements }
        return "fk_ode_point(\(control), stage, \(state.cotangent.elements), record + "
          + "\(offset) * FK_TILE, \(pointer(state.k)), \(pointer(buffer(state))));"
      }
    }
    lines.append("for (int stage = 0; stage < 5; stage++) {")
    lines.append("fk_ode_time(\(control), stage, \(pointer(loop.time)));")
    lines += points(\.point)
    for node in bodies[0] { lines += statements(node, step: nil, layout: layout) }
    for state in loop.states { lines.append(keep(state.derivative, in: state.k)) }
    lines.append("}")
    lines.append("for (int stage = 5; stage >= 0; stage--) {")
    lines.append("fk_ode_time(\(control), stage, \(pointer(loop.adjointTime)));")
    lines += points(\.adjointPoint)
    for state in loop.states {
      lines.append(
        "fk_ode_cotangent(\(control), stage, \(state.cotangent.elements), "
          + "\(pointer(state.cotangent)), \(pointer(state.h)), \(pointer(state.seed)));")
    }
    for node in bodies[1] { lines += statements(node, step: nil, layout: layout) }
    for state in loop.states { lines.append(keep(state.pulled, in: state.h)) }
    for (part, sum) in loop.sums {
      lines.append(
        "fk_ode_add(\(control), \(sum.elements), \(pointer(part)), \(pointer(sum)));")
    }
    lines.append("}")
    for state in loop.states {
      lines.append(
        "fk_ode_pull(\(control), \(state.cotangent.elements), \(pointer(state.h)), "
          + "\(pointer(state.cotangent)));")
    }
    lines.append("}")
    return lines
  }

  private func keep(_ part: Buffer, in stages: Buffer) -> String {
    "memcpy(\(pointer(stages)) + stage * \(part.elements) * FK_TILE, \(pointer(part)), "
      + "\(part.elements) * FK_TILE * sizeof(fk_real));"
  }

  /// Weight gradients of a slot's first tile are stored, not added; a loop that adds starts from 0.
  private func clearGradients(_ reductions: [Int], layout: SlotLayout) -> [String] {
    let ranges = reductions.compactMap { layout.ranges[$0] }
    return ranges.map {
      "if (!accumulate) memset(gradients + \($0.lowerBound), 0, "
        + "\($0.count) * sizeof(fk_real));"
    }
  }
}
