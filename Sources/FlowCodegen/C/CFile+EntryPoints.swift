extension CFile {
  /// The functions of a phase's tiles.
  func tile(_ index: Int) -> String {
    let phase = program.phases[index]
    guard phase.groups.isEmpty else { return group(index) }
    return tile("\(name)_tile_\(index)", phase, phase.nodes)
  }

  /// What prints the nodes of a phase.
  func printer(_ phase: RowPhase) -> NodePrinter {
    NodePrinter(
      program: program, phase: phase, places: steps.places, definitions: definitions,
      counters: counters)
  }

  /// A function that runs some nodes for a tile.
  func tile(_ name: String, _ phase: RowPhase, _ nodes: [Node]) -> String {
    let printer = printer(phase)
    var out = CText()
    out.line(
      "static void \(name)(\(Self.tileParameters)int64_t row, int64_t rows, uint64_t first_row, "
        + "fk_real *gradients, double *sums, int accumulate) {")
    out.line("const int64_t valid = rows - row < FK_TILE ? rows - row : FK_TILE;")
    // Rows that fit the first vector of a tile leave the others alone; the lanes beyond one row repeat it.
    let few = "valid == 1 ? 1 : valid <= FK_LANES ? FK_LANES : FK_TILE"
    out.line("const int width = \(phase.canBeNarrow ? few : "FK_TILE");")
    out.line(
      "(void)args, (void)results, (void)state, (void)work, (void)first_row, (void)gradients, "
        + "(void)sums, (void)accumulate, (void)valid, (void)width;")
    var scope = ""
    for node in nodes {
      if node.scope.path != scope, !node.scope.path.isEmpty {
        scope = node.scope.path
        out.line("/* \(scope.inComment) */")
      }
      for line in printer.statements(node) { out.line(line) }
    }
    out.line("}")
    return out.text
  }

  /// The entry point that packs parameters.
  var prepare: CPart {
    let head = "FK_ENTRY void \(name)_prepare(const void *const *args, fk_real *state, int threads)"
    var out = CText()
    out.line(
      "FK_ONCE static void \(name)_prepare_part(const void *const *args, fk_real *state, int thread, "
        + "int threads) {"
    )
    out.line("fk_real *work = 0;")
    out.line("void *const *results = 0;")
    out.line("(void)args, (void)state, (void)thread, (void)threads, (void)work, (void)results;")
    for line in steps.statements(program.prepare) { out.line(line) }
    out.line("}")
    out.line("")
    out.line(head + " {")
    for line in StepPrinter.parallel("\(name)_prepare_part", "args, state") { out.line(line) }
    out.line("}")
    return CPart(out.text, .preparing, name: "\(name)_prepare", declaration: head + ";")
  }

  /// What one thread does of a call.
  private func body(_ out: inout CText) {
    out.line(
      "static void \(name)_run_part(const void *const *args, void *const *results, fk_real *state, "
        + "fk_real *work, const fk_runs *runs, int64_t rows, int64_t first_row, int thread, "
        + "int threads) {")
    out.line("const int64_t tiles = (rows + FK_TILE - 1) / FK_TILE;")
    out.line("(void)args, (void)results, (void)state, (void)runs, (void)first_row, (void)tiles;")
    for line in steps.statements(program.call) { out.line(line) }
    if !counters.isEmpty { out.line("fk_count();") }
    out.line("}")
  }

  /// The entry point of a call: its memory and its threads.
  var run: CPart {
    let head =
      "FK_ENTRY int \(name)_run(const void *const *args, void *const *results, fk_real *state, "
      + "int64_t rows, int64_t first_row, int threads)"
    var out = CText()
    body(&out)
    out.line("")
    out.line("static void *\(name)_kept;")
    out.line("")
    // A library that is unloaded gives its memory back.
    out.line("__attribute__((destructor)) static void \(name)_release(void) {")
    out.line("fk_release(&\(name)_kept);")
    out.line("}")
    out.line("")
    out.line(head + " {")
    out.line("const int64_t tiles = (rows + FK_TILE - 1) / FK_TILE;")
    if program.phases.allSatisfy(\.slots.isEmpty) {
      out.line("if (threads > tiles) threads = (int)tiles;")
    }
    out.line("if (threads < 1) threads = 1;")
    let slots = program.slotElements
    let slotted = slots == 0 ? "" : " + fk_slots(tiles) * (int64_t)\(slots)"
    let count = program.phases.count
    let queues = "(int64_t)threads * \(count) * FK_QUEUE"
    out.line(
      "int64_t *queues = fk_take(&\(name)_kept, (\(program.storage.workElements) + threads * "
        + "(int64_t)\(program.threadElements) * FK_TILE\(slotted)) * (int64_t)sizeof(fk_real) + "
        + "\(queues) * (int64_t)sizeof(int64_t));")
    out.line("if (!queues) return 1;")
    out.line("fk_real *work = (fk_real *)(queues + \(queues));")
    out.line("fk_runs runs[\(max(count, 1))];")
    for (index, phase) in program.phases.enumerated() {
      let place = "queues + (int64_t)threads * \(index) * FK_QUEUE"
      out.line("runs[\(index)] = (fk_runs){\(place), threads};")
      let total =
        phase.slots.isEmpty ? StepPrinter.runs(phase, "runs + \(index)") : "fk_slots(tiles)"
      out.line("fk_share_runs(runs + \(index), \(total));")
    }
    for line in StepPrinter.parallel(
      "\(name)_run_part", "args, results, state, work, runs, rows, first_row")
    {
      out.line(line)
    }
    out.line("fk_give(&\(name)_kept, queues);")
    out.line("return 0;")
    out.line("}")
    return CPart(out.text, .running, name: "\(name)_run", declaration: head + ";")
  }
}
