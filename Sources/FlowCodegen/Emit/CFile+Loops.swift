import FlowIR

extension CFile {
  func phase(_ index: Int) -> String {
    let phase = program.phases[index]
    var out = CText()
    out.line(
      "static void \(name)_tile_\(index)(const void *const *args, void *const *results, "
        + "const fk_real *state, const fk_real *work, fk_real *s, int64_t row, int64_t rows, "
        + "uint64_t first_row, fk_real *gradients, double *sums, int accumulate) {")
    out.line("const int64_t valid = rows - row < FK_TILE ? rows - row : FK_TILE;")
    // Rows that fit the first vector of a tile leave the others alone.
    out.line(
      "const int width = \(phase.canBeNarrow ? "valid <= FK_LANES ? FK_LANES : FK_TILE" : "FK_TILE");"
    )
    out.line(
      "(void)args, (void)results, (void)state, (void)work, (void)first_row, (void)gradients, "
        + "(void)sums, (void)accumulate, (void)valid, (void)width;")
    let layout = SlotLayout(phase)
    var scope = Scope()
    for node in phase.nodes {
      if node.scope != scope, !node.scope.path.isEmpty {
        scope = node.scope
        out.line("/* \(scope.path) */")
      }
      for line in statements(node, step: nil, layout: layout) { out.line(line) }
    }
    out.line("}")
    return out.text
  }

  /// A thread's part of the loop over tiles, and of its sums.
  func loop(_ index: Int, _ team: inout Team) -> [String] {
    let phase = program.phases[index]
    let layout = SlotLayout(phase)
    let call = "\(name)_tile_\(index)(args, results, state, work, s, "
    var lines = [
      "{",
      "fk_real *s = work + \(workElements) + thread * (int64_t)\(scratchElements) * FK_TILE;",
    ]
    if layout.isEmpty {
      let rest = "(uint64_t)first_row, 0, 0, 0);"
      lines += [
        "const int64_t end = tiles * (thread + 1) / threads;",
        "for (int64_t tile = tiles * thread / threads; tile < end; tile++) {",
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
      lines += [call + "tile * FK_TILE, rows, " + rest, "}", "}"]
      return lines
    }
    // Sums are made in slots whose number depends on the rows alone, then combined in order.
    let before = program.phases[..<index].map { SlotLayout($0) }
      .map { $0.reals + 2 * $0.doubles }.reduce(0, +)
    lines += [
      "const int slots = fk_slots(tiles);",
      "const int64_t gradients = \(layout.reals), sums = \(layout.doubles);",
      "fk_real *slot_gradients = work + \(workElements) + threads * (int64_t)\(scratchElements) "
        + "* FK_TILE + slots * (int64_t)\(before);",
      "double *slot_sums = (double *)(slot_gradients + slots * gradients);",
      "for (int slot = thread; slot < slots; slot += threads) {",
      "memset(slot_sums + slot * sums, 0, (size_t)sums * sizeof(double));",
      "const int64_t end = tiles * (slot + 1) / slots;",
      "for (int64_t tile = tiles * slot / slots; tile < end; tile++)",
      call + "tile * FK_TILE, rows, (uint64_t)first_row, slot_gradients + slot * gradients, "
        + "slot_sums + slot * sums, tile > tiles * slot / slots);", "}",
      "if (threads > 1) {", "#pragma omp barrier", "}",
    ]
    for (reduction, offset) in zip(phase.reductions, layout.offsets) {
      lines += combine(reduction, offset, &team)
    }
    return lines + ["}"]
  }

  /// The statements that add up a thread's part of one reduction over the slots.
  func combine(_ reduction: RowReduction, _ offset: Int, _ team: inout Team) -> [String] {
    let place = plan.sortedGradients[reduction.value]
    let value = place?.target ?? reduction.value
    guard let location = plan.locations[value] else { return [] }
    let target = emitter.pointer(value)
    let count = program.function.type(of: value).elementCount
    switch (reduction.kind, place?.order) {
    case (.rowSum, _):
      let share = team.next(count)
      team.wrote(location, share)
      return Team.begin(share, count: count) + [
        "fk_combine_sums(slot_sums + \(offset), sums, slots, begin, end, \(target));", "}",
      ]
    case (.weightGradient(let layout, let mask, let stride, let inputs), .entries(let runs)?):
      let share = team.next(count)
      team.wrote(location, share)
      let list = runs.map { "{\($0.row), \($0.start), \($0.first), \($0.count)}" }
      return Team.begin(share, count: count) + [
        "fk_combine_entries(slot_gradients + \(offset), gradients, tiles ? slots : 0, "
          + "\(definitions.table("fk_run", list.joined(separator: ", "))), \(runs.count), \(stride), "
          + "\(bits(layout, mask)), \(inputs), begin, end, \(target));", "}",
      ]
    case (.weightGradient(let layout, let mask, let stride, let inputs), let order):
      team.wrote(location, .other)
      var lists = "0, 0"
      if case .matrix(let rows, let columns)? = order {
        lists = "\(definitions.table(rows)), \(definitions.table(columns))"
      }
      let name = panelTable(layout)
      return [
        "for (int i = thread; i < \(layout.panels.count); i += threads) "
          + "fk_combine(slot_gradients + \(offset), gradients, tiles ? slots : 0, \(name) + i, "
          + "\(stride), \(inputs), \(bits(layout, mask)), \(lists), \(target));"
      ]
    }
  }

  /// The bits of a mask, where panels multiply more than it lets through.
  private func bits(_ layout: PanelLayout, _ mask: Mask?) -> String {
    guard let mask, layout.isIrregular else { return "0" }
    return definitions.table("uint32_t", MaskText.words(mask))
  }

  func panelContents(_ layout: PanelLayout, order: [Int]?) -> String {
    (order ?? Array(layout.panels.indices)).map { index in
      let panel = layout.panels[index]
      return "{\(panel.weights), \(panel.row), \(panel.rows), \(panel.first), \(panel.k)}"
    }.joined(separator: ", ")
  }

  func panelTable(_ layout: PanelLayout, order: [Int]? = nil) -> String {
    definitions.table("fk_panel", panelContents(layout, order: order))
  }
}
