import FlowIR

/// Prints the steps that threads run together.
struct StepPrinter {
  let program: TileProgram
  let places: CPlaces
  let definitions: Definitions
  let name: String

  /// The statements of a list, each thread's pieces of the lines first.
  func statements(_ list: StepList) -> [String] {
    var lines = list.lines.enumerated().filter { $1 > 0 }.map { line, length in
      "const int64_t from_\(line) = \(length) * (int64_t)thread / threads, "
        + "to_\(line) = \(length) * (int64_t)(thread + 1) / threads;"
    }
    // A loop's sums are combined within its block, where its slots are named.
    let ends = blockEnds(list.steps)
    for (index, step) in list.steps.enumerated() {
      lines += statements(step)
      if ends.contains(index) { lines.append("}") }
    }
    return lines
  }

  /// The positions of the last step in the block of each loop over rows.
  private func blockEnds(_ steps: [Step]) -> Set<Int> {
    var ends: Set<Int> = []
    var open: Int?
    for (index, step) in steps.enumerated() {
      switch step {
      case .rows(let rows):
        if let open { ends.insert(open) }
        open = index
        if program.phases[rows.phase].reductions.isEmpty {
          ends.insert(index)
          open = nil
        }
      case .combine: open = index
      case .barrier:
        // The barrier between a loop and the sums over its slots.
        if let start = open, start == index - 1, case .rows = steps[start] { open = index }
      case .uniform, .pack, .invert, .store:
        if let open { ends.insert(open) }
        open = nil
      }
    }
    if let open { ends.insert(open) }
    return ends
  }

  private func statements(_ step: Step) -> [String] {
    switch step {
    case .uniform(let uniform): return statements(uniform)
    case .pack(let pack): return statements(pack)
    case .invert(let invert):
      return ["\(name)_inverse_\(invert.inverse)(args, state, thread, threads);"]
    case .barrier: return ["if (threads > 1) {", "#pragma omp barrier", "}"]
    case .rows(let rows): return statements(rows)
    case .combine(let combine): return statements(combine)
    case .store(let store):
      let count = program.views.type(of: store.value).elementCount
      return [
        "if (thread == 0) memcpy(results[\(store.result)], \(places.pointer(store.value)), "
          + "\(count) * sizeof(fk_real));"
      ]
    }
  }

  private func statements(_ step: PackStep) -> [String] {
    let packing = program.packings[step.pack]
    let layout = packing.pack.layout
    let bias = packing.bias.map {
      (pointer: places.pointer($0.base), index: definitions.table($0.indices))
    }
    var mask: (bits: String, columns: Int)?
    if let used = packing.pack.mask, layout.isIrregular {
      mask = (definitions.bits(used), used.columns)
    }
    let call = KernelCall.pack(
      panels: definitions.panels(layout), count: layout.panels.count,
      source: places.pointer(packing.weight.base),
      rows: definitions.table(packing.weight.rows),
      columns: definitions.table(packing.weight.columns), bias: bias, mask: mask,
      packed: places.pointer(program.storage.packs[step.pack]))
    return begin(step.share, packed: layout.packedCount) + [call.statement, "}"]
  }

  /// The start of a block in which a thread packs the panels that start in [begin, end) of so many
  /// numbers: as far along as its elements are in those that they are made of.
  private func begin(_ share: Share, packed count: Int) -> [String] {
    switch share {
    case .one, .apart: return Self.begin(share, count: count)
    case .piece(let place, let elements):
      let ends = Self.ends(of: place, count: elements).map { "\($0) * \(count) / \(elements)" }
      return ["{", "const int64_t begin = \(ends[0]), end = \(ends[1]);"]
    }
  }

  /// The start of a block in which a thread's elements of `count` are [begin, end).
  static func begin(_ share: Share, count: Int) -> [String] {
    switch share {
    case .one(let place): return [only(place), "const int64_t begin = 0, end = \(count);"]
    case .piece(let place, let count):
      let ends = ends(of: place, count: count)
      return ["{", "const int64_t begin = \(ends[0]), end = \(ends[1]);"]
    case .apart:
      return [
        "{",
        "const int64_t begin = fk_cut(\(count) * (int64_t)thread / threads, \(count));",
        "const int64_t end = fk_cut(\(count) * (int64_t)(thread + 1) / threads, \(count));",
      ]
    }
  }

  /// Where a thread's piece of a line begins and ends among `count` elements from a place on.
  private static func ends(of place: Share.Place, count: Int) -> [String] {
    ["from", "to"].map { "fk_cut(\($0)_\(place.line) - \(place.offset), \(count))" }
  }

  /// The start of a block that the thread with a place runs.
  static func only(_ place: Share.Place) -> String {
    place == .start
      ? "if (thread == 0) {"
      : "if (\(place.offset) >= from_\(place.line) && \(place.offset) < to_\(place.line)) {"
  }

  /// The statements that run a function in all threads; its last arguments are the thread's number
  /// and the number of threads.
  static func parallel(_ function: String, _ arguments: String) -> [String] {
    [
      "if (threads <= 1) \(function)(\(arguments), 0, 1);", "else {",
      "#pragma omp parallel num_threads(threads)",
      "\(function)(\(arguments), fk_thread(), fk_threads());", "}",
    ]
  }
}
