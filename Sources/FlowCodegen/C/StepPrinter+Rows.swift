import FlowIR

extension StepPrinter {
  /// A loop over the tiles that a thread takes; with sums, the block is left open for their combination.
  func statements(_ rows: RowsStep) -> [String] {
    let phase = program.phases[rows.phase]
    let slots = phase.slots
    let call = "\(name)_tile_\(rows.phase)(args, results, state, work, s, "
    let (work, scratch) = (program.storage.workElements, program.threadElements)
    let runs = "runs + \(rows.phase)"
    var lines = [
      "{",
      "fk_real *s = work + \(work) + thread * (int64_t)\(scratch) * FK_TILE;",
    ]
    if !phase.groups.isEmpty { return lines + groups(phase, rows.phase, runs) }
    if slots.isEmpty { return lines + tiles(phase, call, runs) }
    // Sums are made in slots whose number depends on the rows alone, then combined in order.
    lines += [
      "const int slots = fk_slots(tiles);",
      "const int64_t gradients = \(slots.reals), sums = \(slots.doubles);",
      "fk_real *slot_gradients = work + \(work) + threads * (int64_t)\(scratch) "
        + "* FK_TILE + slots * (int64_t)\(rows.slotOffset);",
      "double *slot_sums = (double *)(slot_gradients + slots * gradients);",
      "for (int64_t slot; (slot = fk_next_run(\(runs), thread)) >= 0;) {",
      "memset(slot_sums + slot * sums, 0, (size_t)sums * sizeof(double));",
      "const int64_t end = tiles * (slot + 1) / slots;",
      "for (int64_t tile = tiles * slot / slots; tile < end; tile++)",
      call + "tile * FK_TILE, rows, (uint64_t)first_row, slot_gradients + slot * gradients, "
        + "slot_sums + slot * sums, tile > tiles * slot / slots);", "}",
    ]
    return lines
  }

  /// A thread's tiles of a loop without sums.
  private func tiles(_ phase: RowPhase, _ call: String, _ runs: String) -> [String] {
    let rest = "(uint64_t)first_row, 0, 0, 0);"
    var lines = [
      "const int64_t count = \(Self.runs(phase, runs));",
      "for (int64_t run; (run = fk_next_run(\(runs), thread)) >= 0;) {",
      "const int64_t end = tiles * (run + 1) / count;",
      "for (int64_t tile = tiles * run / count; tile < end; tile++) {",
    ]
    if phase.canBeNarrow {
      // The last rows of all, vector by vector if they do not fill the tile's vectors.
      lines += [
        "const int64_t left = rows - tile * FK_TILE;",
        "for (int64_t row = 0; left <= FK_TILE - FK_LANES && row < left; row += FK_LANES)",
        call + "tile * FK_TILE + row, fk_least(rows, tile * FK_TILE + row + FK_LANES), " + rest,
        "if (left > FK_TILE - FK_LANES)",
      ]
    }
    return lines + [call + "tile * FK_TILE, rows, " + rest, "}", "}"]
  }

  /// A thread's tiles of a loop with differential equations, several at a time.
  private func groups(_ phase: RowPhase, _ index: Int, _ runs: String) -> [String] {
    [
      "const int64_t count = \(Self.runs(phase, runs));",
      "for (int64_t run; (run = fk_next_run(\(runs), thread)) >= 0;) {",
      "const int64_t end = tiles * (run + 1) / count;",
      "for (int64_t tile = tiles * run / count; tile < end; tile += FK_ODE_GROUP) {",
      "const int64_t to = fk_least(end, tile + FK_ODE_GROUP) * FK_TILE;",
      "\(name)_tiles_\(index)(\(CFile.tileArguments)tile * FK_TILE, fk_least(rows, to), rows, "
        + "(uint64_t)first_row);", "}", "}",
    ]
  }

  /// How many runs the tiles of a phase without sums are cut into.
  static func runs(_ phase: RowPhase, _ runs: String) -> String {
    "\(phase.groups.isEmpty ? "fk_run_count" : "fk_ode_run_count")(tiles, \(runs))"
  }

  /// A thread's part of one reduction's sum over the slots.
  func statements(_ combine: CombineStep) -> [String] {
    let phase = program.phases[combine.phase]
    let reduction = phase.reductions[combine.reduction]
    let offset = phase.slots.offsets[combine.reduction]
    let target = places.pointer(combine.target)
    let count = program.views.type(of: combine.target).elementCount
    switch reduction.kind {
    case .rowSum:
      let call = KernelCall.combineSums(
        sums: "slot_sums + \(offset)", stride: "sums", slots: "slots", target: target)
      return Self.begin(combine.share, count: count) + [call.statement, "}"]
    case .weightGradient(let layout, let mask, let stride, let inputs):
      let slots = "slot_gradients + \(offset)"
      let begin = Self.begin(combine.share, count: count)
      switch combine.order?.entries {
      case .vector(let runs):
        let list = runs.map { "{\($0.row), \($0.start), \($0.first), \($0.count)}" }
        let call = KernelCall.combineEntries(
          slots: slots, slotSize: "gradients", count: "tiles ? slots : 0",
          runs: definitions.table("fk_run", list.joined(separator: ", ")), runCount: runs.count,
          stride: stride, mask: bits(layout, mask), inputs: inputs, target: target)
        return begin + [call.statement, "}"]
      case .matrix(let rows, let columns):
        return begin + [matrix(rows, columns), "}"]
      case nil:
        return begin + [matrix([], []), "}"]
      }
      // A slot may hold anything beside the inputs of an output's panel, which the mask leaves out.
      func matrix(_ rows: [Int], _ columns: [Int]) -> String {
        KernelCall.combine(
          slots: slots, slotSize: "gradients", count: "tiles ? slots : 0", stride: stride,
          inputs: inputs, mask: mask.map { definitions.bits($0) } ?? CVariable.none,
          rows: list(rows), columns: list(columns), target: target
        ).statement
      }
    }
  }

  /// A table of places, or none if they count up from 0.
  private func list(_ places: [Int]) -> String {
    places.elementsEqual(places.indices) ? CVariable.none : definitions.table(places)
  }

  /// The bits of a mask, where panels multiply more than it lets through.
  private func bits(_ layout: PanelLayout, _ mask: Mask?) -> String {
    guard let mask, layout.isIrregular else { return CVariable.none }
    return definitions.bits(mask)
  }
}
