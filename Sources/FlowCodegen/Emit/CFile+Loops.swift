import FlowIR

extension CFile {
  mutating func phase(_ index: Int) -> String {
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
    return out.text + loop(index, layout)
  }

  /// The loop over tiles, shared out among threads.
  mutating func loop(_ index: Int, _ layout: SlotLayout) -> String {
    let phase = program.phases[index]
    let scratch = max(phase.scratchElements, 1)
    var out = CText()
    out.line("")
    out.line(
      "static int \(name)_rows_\(index)(const void *const *args, void *const *results, "
        + "const fk_real *state, fk_real *work, int64_t rows, int64_t first_row, int threads) {")
    out.line("static void *kept;")
    out.line("const int64_t tiles = (rows + FK_TILE - 1) / FK_TILE;")
    out.line("const int64_t scratch = (int64_t)\(scratch) * FK_TILE;")
    if layout.isEmpty {
      out.line("if (threads > tiles) threads = tiles > 0 ? (int)tiles : 1;")
      out.line("fk_real *all = fk_take(&kept, threads * scratch * (int64_t)sizeof(fk_real));")
      out.line("if (!all) return 1;")
      out.line("#pragma omp parallel num_threads(threads) if (threads > 1)")
      out.line("{")
      out.line("fk_real *s = all + fk_thread() * scratch;")
      out.line("#pragma omp for schedule(static)")
      out.line("for (int64_t tile = 0; tile < tiles; tile++) {")
      let call = "\(name)_tile_\(index)(args, results, state, work, s, "
      let rest = "(uint64_t)first_row, 0, 0, 0);"
      if phase.canBeNarrow {
        // The last rows of all, vector by vector if they do not fill the tile's vectors.
        out.line("const int64_t left = rows - tile * FK_TILE;")
        out.line("for (int64_t row = 0; left <= FK_TILE - FK_LANES && row < left; row += FK_LANES)")
        out.line(
          call + "tile * FK_TILE + row, fk_least(rows, tile * FK_TILE + row + FK_LANES), " + rest)
        out.line("if (left > FK_TILE - FK_LANES)")
      }
      out.line(call + "tile * FK_TILE, rows, " + rest)
      out.line("}")
      out.line("}")
      out.line("fk_give(&kept, all);")
      out.line("return 0;")
      out.line("}")
      return out.text
    }
    // Sums are made in slots whose number depends on the rows alone, then combined in order.
    out.line("const int slots = fk_slots(tiles);")
    out.line("if (threads > slots) threads = slots;")
    out.line("const int64_t gradients = \(layout.reals), sums = \(layout.doubles);")
    out.line(
      "fk_real *all = fk_take(&kept, threads * scratch * (int64_t)sizeof(fk_real) + "
        + "slots * (gradients * (int64_t)sizeof(fk_real) + sums * 8));")
    out.line("if (!all) return 1;")
    out.line("fk_real *slot_gradients = all + threads * scratch;")
    out.line("double *slot_sums = (double *)(slot_gradients + slots * gradients);")
    out.line("memset(slot_sums, 0, (size_t)(slots * sums * 8));")
    out.line("#pragma omp parallel num_threads(threads) if (threads > 1)")
    out.line("{")
    out.line("fk_real *s = all + fk_thread() * scratch;")
    out.line("#pragma omp for schedule(static, 1)")
    out.line("for (int slot = 0; slot < slots; slot++) {")
    out.line("const int64_t end = tiles * (slot + 1) / slots;")
    out.line("for (int64_t tile = tiles * slot / slots; tile < end; tile++)")
    out.line(
      "\(name)_tile_\(index)(args, results, state, work, s, tile * FK_TILE, rows, "
        + "(uint64_t)first_row, slot_gradients + slot * gradients, slot_sums + slot * sums, "
        + "tile > tiles * slot / slots);")
    out.line("}")
    for (reduction, offset) in zip(phase.reductions, layout.offsets) {
      for line in combine(reduction, offset) { out.line(line) }
    }
    out.line("}")
    out.line("fk_give(&kept, all);")
    out.line("return 0;")
    out.line("}")
    return out.text
  }

  /// The statements that add up one reduction over the slots.
  mutating func combine(_ reduction: RowReduction, _ offset: Int) -> [String] {
    let place = plan.sortedGradients[reduction.value]
    guard plan.locations[place?.target ?? reduction.value] != nil else { return [] }
    let target = emitter.pointer(place?.target ?? reduction.value)
    switch reduction.kind {
    case .rowSum:
      return [
        "#pragma omp for nowait schedule(static)",
        "for (int64_t i = 0; i < \(reduction.elements); i++) {", "double sum = 0;",
        "for (int slot = 0; slot < slots; slot++) sum += slot_sums[slot * sums + \(offset) + i];",
        "\(target)[i] = (fk_real)sum;", "}",
      ]
    case .weightGradient(let layout, let mask, let stride, let inputs):
      let name = panelTable(layout)
      var bits = "0"
      if let mask, layout.isIrregular { bits = table("uint32_t", MaskText.words(mask)) }
      let order = place.map { "\(table($0.rows)), \(table($0.columns))" } ?? "0, 0"
      return [
        "#pragma omp for nowait schedule(static, 1)",
        "for (int i = 0; i < \(layout.panels.count); i++)",
        "fk_combine(slot_gradients + \(offset), gradients, tiles ? slots : 0, \(name) + i, "
          + "\(stride), \(inputs), \(bits), \(order), \(target));",
      ]
    }
  }

  func panelContents(_ layout: PanelLayout, order: [Int]?) -> String {
    (order ?? Array(layout.panels.indices)).map { index in
      let panel = layout.panels[index]
      return "{\(panel.weights), \(panel.row), \(panel.rows), \(panel.first), \(panel.k)}"
    }.joined(separator: ", ")
  }

  mutating func panelTable(_ layout: PanelLayout, order: [Int]? = nil) -> String {
    table("fk_panel", panelContents(layout, order: order))
  }
}
