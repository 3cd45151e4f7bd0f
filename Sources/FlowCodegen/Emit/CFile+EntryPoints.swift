import FlowIR

extension CFile {
  func prepare() -> String {
    var out = CText()
    out.line(
      "static void \(name)_prepare_part(const void *const *args, fk_real *state, int thread, int threads) {"
    )
    out.line("fk_real *work = 0;")
    out.line("void *const *results = 0;")
    out.line("(void)args, (void)state, (void)thread, (void)threads, (void)work, (void)results;")
    var team = Team()
    let statements = uniform(level: 0, &team) + packs(level: 0, &team)
    for line in team.lines + statements { out.line(line) }
    out.line("}")
    out.line("")
    out.line(
      "FK_ENTRY void \(name)_prepare(const void *const *args, fk_real *state, int threads) {")
    for line in Team.call("\(name)_prepare_part", "args, state") { out.line(line) }
    out.line("}")
    return out.text
  }

  /// The uniform values of a level.
  private func uniform(level: Int, _ team: inout Team) -> [String] {
    emitter.statements(plan.operations[level], &team)
  }

  func packs(level: Int, _ team: inout Team) -> [String] {
    var lines: [String] = []
    for (index, pack) in program.context.packs.enumerated() where plan.packLevels[index] == level {
      let view = plan.packViews[index]
      let place = plan.packOffsets[index]
      var sources = [view.base]
      var bias = "0, 0"
      if let biasView = plan.biasViews[index] {
        bias = "\(emitter.pointer(biasView.base)), \(definitions.table(biasView.indices))"
        sources.append(biasView.base)
      }
      var mask = "0, 0"
      if let used = pack.mask, pack.layout.isIrregular {
        mask = "\(definitions.table("uint32_t", MaskText.words(used))), \(used.columns)"
      }
      lines += team.before(
        .other, elementwise: [], whole: sources.compactMap { plan.locations[$0] })
      let panels = panelTable(pack.layout)
      // A thread packs what it has updated, more or less.
      lines.append(
        "fk_pack(\(panels), \(pack.layout.panels.count), \(pack.layout.packedCount), thread, threads, "
          + "\(emitter.pointer(view.base)), \(definitions.table(view.rows)), "
          + "\(definitions.table(view.columns)), \(bias), \(mask), \(emitter.pointer(place)));")
      team.wrote(place, .other)
    }
    return lines
  }

  /// What one thread does of a call.
  func body() -> String {
    var out = CText()
    out.line(
      "static void \(name)_run_part(const void *const *args, void *const *results, fk_real *state, "
        + "fk_real *work, int64_t rows, int64_t first_row, int thread, int threads) {")
    out.line("const int64_t tiles = (rows + FK_TILE - 1) / FK_TILE;")
    out.line("(void)args, (void)results, (void)state, (void)first_row, (void)tiles;")
    var team = Team()
    let statements = statements(&team)
    for line in team.lines + statements { out.line(line) }
    if !plan.sent.isEmpty { out.line("fk_sent();") }
    if !counters.isEmpty { out.line("fk_count();") }
    out.line("}")
    return out.text
  }

  /// The statements of a call, level by level.
  private func statements(_ team: inout Team) -> [String] {
    var lines: [String] = []
    for level in 1..<max(plan.operations.count, program.phases.count + 1) {
      if level < plan.operations.count { lines += uniform(level: level, &team) }
      lines += packs(level: level, &team)
      let phase = level - 1
      if phase < program.phases.count { lines += team.barrier() + loop(phase, &team) }
    }
    for (index, result) in program.function.results.enumerated()
    where !program.function.type(of: result.value).hasRows {
      guard let location = plan.locations[result.value], location != .result(index) else {
        continue
      }
      let count = program.function.type(of: result.value).elementCount
      lines += team.before(.one(.start), elementwise: [], whole: [location])
      lines.append(
        "if (thread == 0) memcpy(results[\(index)], \(emitter.pointer(result.value)), "
          + "\(count) * sizeof(fk_real));")
    }
    return lines
  }

  /// The entry point: memory for the call, and its threads.
  func run() -> String {
    let sums = program.phases.map { SlotLayout($0) }
    var out = CText()
    out.line(
      "FK_ENTRY int \(name)_run(const void *const *args, void *const *results, fk_real *state, "
        + "int64_t rows, int64_t first_row, int threads) {")
    out.line("static void *kept;")
    out.line("const int64_t tiles = (rows + FK_TILE - 1) / FK_TILE;")
    if sums.allSatisfy(\.isEmpty) {
      out.line("if (threads > tiles) threads = (int)tiles;")
    }
    out.line("if (threads < 1) threads = 1;")
    let slots = sums.map { $0.reals + 2 * $0.doubles }.reduce(0, +)
    // A double takes as much as two numbers at most.
    let slotted = slots == 0 ? "" : " + fk_slots(tiles) * (int64_t)\(slots)"
    out.line(
      "fk_real *work = fk_take(&kept, (\(workElements) + threads * (int64_t)\(scratchElements) "
        + "* FK_TILE\(slotted)) * (int64_t)sizeof(fk_real));")
    out.line("if (!work) return 1;")
    for line in Team.call(
      "\(name)_run_part", "args, results, state, work, rows, first_row")
    {
      out.line(line)
    }
    out.line("fk_give(&kept, work);")
    out.line("return 0;")
    out.line("}")
    return out.text
  }

  /// The elements of a call's memory that uniform values take.
  var workElements: Int { plan.workElements + 16 }
  /// The elements of a thread's scratch.
  var scratchElements: Int { max(program.phases.map(\.scratchElements).max() ?? 1, 1) }
}
