import FlowIR

extension CFile {
  mutating func prepare() -> String {
    var out = CText()
    out.line(
      "FK_ENTRY void \(name)_prepare(const void *const *args, fk_real *state, int threads) {")
    out.line("fk_real *work = 0;")
    out.line("void *const *results = 0;")
    out.line("(void)args, (void)state, (void)threads, (void)work, (void)results;")
    for line in emitter.statements(plan.operations[0]) { out.line(line) }
    for line in packs(level: 0) { out.line(line) }
    out.line("}")
    return out.text
  }

  mutating func packs(level: Int) -> [String] {
    var lines: [String] = []
    for (index, pack) in program.context.packs.enumerated() where plan.packLevels[index] == level {
      let view = plan.packViews[index]
      let target: String
      switch plan.packOffsets[index] {
      case .state(let offset): target = "state + \(offset)"
      case .work(let offset): target = "work + \(offset)"
      case .argument, .result, .table: continue
      }
      var bias = "0, 0"
      if let biasView = plan.biasViews[index] {
        bias = "\(emitter.pointer(biasView.base)), \(table(biasView.indices))"
      }
      var mask = "0, 0"
      if let used = pack.mask, pack.layout.isIrregular {
        mask = "\(table("uint32_t", MaskText.words(used))), \(used.columns)"
      }
      lines.append("#pragma omp for nowait schedule(static)")
      lines.append("for (int i = 0; i < \(pack.layout.panels.count); i++)")
      lines.append(
        "fk_pack_panel(\(panelTable(pack.layout)) + i, \(emitter.pointer(view.base)), "
          + "\(table(view.rows)), \(table(view.columns)), \(bias), \(mask), \(target));")
    }
    if lines.isEmpty { return [] }
    return ["#pragma omp parallel num_threads(threads) if (threads > 1)", "{"] + lines + ["}"]
  }

  mutating func run() -> String {
    var out = CText()
    out.line(
      "FK_ENTRY int \(name)_run(const void *const *args, void *const *results, fk_real *state, "
        + "int64_t rows, int64_t first_row, int threads) {")
    out.line("static void *kept;")
    out.line(
      "fk_real *work = fk_take(&kept, \(plan.workElements + 16) * (int64_t)sizeof(fk_real));")
    out.line("if (!work) return 1;")
    out.line("int failed = 0;")
    out.line("(void)args, (void)results, (void)state, (void)first_row, (void)threads;")
    var level = 1
    while level < max(plan.operations.count, program.phases.count + 1) {
      if level < plan.operations.count {
        for line in emitter.statements(plan.operations[level]) { out.line(line) }
      }
      for line in packs(level: level) { out.line(line) }
      let phase = level - 1
      if phase < program.phases.count {
        out.line(
          "failed = failed || \(name)_rows_\(phase)(args, results, state, work, rows, first_row, threads);"
        )
      }
      level += 1
    }
    for (index, result) in program.function.results.enumerated()
    where !program.function.type(of: result.value).hasRows {
      if plan.locations[result.value] == .result(index) { continue }
      let count = program.function.type(of: result.value).elementCount
      out.line(
        "memcpy(results[\(index)], \(emitter.pointer(result.value)), \(count) * sizeof(fk_real));")
    }
    out.line("fk_give(&kept, work);")
    out.line("return failed;")
    out.line("}")
    return out.text
  }
}
