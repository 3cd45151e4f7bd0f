extension CFile {
  /// The function that fills a table of inverses; threads take its tiles of knots in turn.
  func inverse(_ search: InverseSearch) -> String {
    let (root, table) = (search.root, search.table)
    let phase = program.phases[search.phase]
    // What is counted is the work of calls.
    let printer = NodePrinter(
      program: program, phase: phase, places: steps.places, definitions: definitions, counters: [:])
    let items = CItems(begin: "0", end: "\(root.items)", items: CVariable.none)
    func put(_ root: String) -> String {
      KernelCall.inversePut(t: "&table", tile: "tile", r: root, n: table.elements).statement
    }
    var lines = [
      "static void \(name)_inverse_\(table.number)(const void *const *args, fk_real *state, "
        + "int thread, int threads) {",
      "const fk_real *work = 0;",
      "const int64_t valid = FK_TILE;",
      "const int width = FK_TILE, accumulate = 0;",
      "(void)args, (void)work, (void)valid, (void)width, (void)accumulate;",
      printer.inverse(table, named: "table"),
      "fk_real *s = aligned_alloc(64, \(phase.scratch.elements) * FK_TILE * sizeof(fk_real));",
      "for (int tile = thread; tile * FK_TILE < \(table.count); tile += threads) {",
      "if (!s) {", put("0"), "continue;", "}",
      KernelCall.inverseTargets(
        t: "&table", tile: "tile", target: printer.pointer(root.target), n: table.elements
      ).statement,
      root.search(in: printer),
      KernelCall.rootStart(r: "&root", items).statement,
      "for (int pass = 0, open = 1;; pass++) {",
    ]
    lines += printer.statements(root.nodes)
    lines += [
      "if (!open || pass == FK_KNOT_PASSES) break;",
      "open = \(KernelCall.rootStep(r: "&root", items).expression);", "}", put("&root"), "}",
      "free(s);", "}",
    ]
    var out = CText()
    for line in lines { out.line(line) }
    return out.text
  }
}

extension NodePrinter {
  /// The description of a table of inverses.
  func inverse(_ table: InverseTable, named variable: String) -> String {
    let place = places.pointer(program.storage.inverses[table.number])
    return "const fk_inverse \(variable) = {(fk_real *)\(place), \(table.first), \(table.count), "
      + "\(number(table.low)), \(number(table.high))};"
  }
}
