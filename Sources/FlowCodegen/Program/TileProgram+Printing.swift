import FlowIR

extension TileProgram {
  /// The program as text: where values and packs lie, then what runs when parameters change and in a
  /// call, step by step, with the share of each thread, the barriers, and the nodes of each loop over
  /// rows with the elements of scratch memory that they use.
  public var text: String { printedLines.map(\.text).joined(separator: "\n") + "\n" }

  /// The lines of the text, each with the part of the model that it comes from.
  public var printedLines: [PrintedLine] {
    var head = ["tiles @\(function.name) \(dtype.rawValue)"]
    head.append(
      "memory state \(storage.stateElements) work \(storage.workElements) "
        + "scratch \(scratchElements) elements slot \(slotElements)")
    let packed = packings.enumerated().map { PrintedLine(describe($1, $0), scope(of: $1)) }
    let tables = inverses.map { PrintedLine(describe($0.table)) }
    return head.map { PrintedLine($0) } + packed + tables
      + [PrintedLine("prepare {")] + describe(prepare) + [PrintedLine("}")]
      + [PrintedLine("call {")] + describe(call) + [PrintedLine("}")]
  }

  /// The layer that a packed weight is of.
  func scope(of packing: Packing) -> Scope {
    let path = name(packing.weight.base).split(separator: ".").dropLast()
    return Scope(path.joined(separator: "."))
  }

  private func describe(_ list: StepList) -> [PrintedLine] {
    let lines = list.lines.enumerated().filter { $0.element > 0 }
    return lines.map { PrintedLine("  line \($0.offset) of \($0.element)") }
      + list.steps.flatMap { describe($0) }
  }

  private func describe(_ table: InverseTable) -> String {
    "inverse \(table.number) \(place(storage.inverses[table.number], table.size)): "
      + "\(table.count) knots of \(table.elements) elements from \(table.low) to \(table.high)"
  }

  private func describe(_ packing: Packing, _ index: Int) -> String {
    let layout = packing.pack.layout
    var text = "pack \(index) \(place(storage.packs[index], layout.packedCount)): "
    text += "\(layout.panels.count) panels from \(name(packing.weight.base))"
    if let bias = packing.bias { text += " and \(name(bias.base))" }
    return text + (layout.isIrregular ? " masked" : "")
  }

  private func describe(_ step: Step) -> [PrintedLine] {
    switch step {
    case .rows(let rows): return describe(rows)
    case .pack(let pack):
      return [
        PrintedLine(
          "  pack \(pack.pack) by \(describe(pack.share)), in panels",
          scope(of: packings[pack.pack]))
      ]
    case .uniform, .invert, .barrier, .combine, .store: return [PrintedLine(line(step))]
    }
  }

  /// A step that has one line.
  private func line(_ step: Step) -> String {
    switch step {
    case .pack, .rows: return ""
    case .uniform(let uniform):
      let names = uniform.operations.map(\.opcode.name).joined(separator: " ")
      let reads = (uniform.elementwise + uniform.whole).reduce(into: [String]()) { found, value in
        let name = name(value)
        if !found.contains(name) { found.append(name) }
      }
      let stored = uniform.stored.map { place($0) }
      let working = uniform.operations.flatMap(\.results).compactMap { value in
        storage.working[value].map {
          place($0, Storage.exponentialWork * views.type(of: value).elementCount)
        }
      }
      return "  uniform \(uniform.count): \(names) "
        + (reads.isEmpty ? "" : "(\(reads.joined(separator: " "))) ")
        + (working.isEmpty ? "" : "in \(working.joined(separator: " ")) ")
        + "-> \(stored.joined(separator: " ")) by \(describe(uniform.share))"
    case .invert(let invert): return "  invert \(invert.inverse) by all, in tiles of knots"
    case .barrier: return "  barrier"
    case .combine(let combine):
      let reduction = phases[combine.phase].reductions[combine.reduction]
      let order =
        switch combine.order?.entries {
        case .matrix: " in its parameter's order"
        case .vector(let runs): " in its parameter's order, \(runs.count) runs"
        case nil: ""
        }
      return
        "  combine \(describe(reduction, combine.reduction))\(order) -> \(place(combine.target)) "
        + "by \(describe(combine.share))"
    case .store(let store):
      return "  store \(place(store.value)) -> \(function.results[store.result].name) by first"
    }
  }

  private func describe(_ rows: RowsStep) -> [PrintedLine] {
    let phase = phases[rows.phase]
    let slots = phase.slots
    let text = NodeText(function: function, scratch: phase.scratch)
    let sums =
      slots.isEmpty
      ? "" : " sums at \(rows.slotOffset): \(slots.reals) reals, \(slots.doubles) doubles"
    let saved = phase.groups.map(\.size).max() ?? 0
    let start =
      "  rows \(rows.phase) scratch \(phase.scratch.elements) elements\(sums)"
      + "\(phase.canBeNarrow ? " narrow" : "") by all, in runs of "
      + "\(slots.isEmpty ? "tiles" : "a slot's tiles")"
      + (phase.groups.isEmpty
        ? " {" : ", \(ODEGroup.tiles) solved together, \(saved) elements saved {")
    return [PrintedLine(start)] + text.lines(phase.nodes, indent: "    ") + [PrintedLine("  }")]
  }

  private func describe(_ reduction: RowReduction, _ index: Int) -> String {
    switch reduction.kind {
    case .rowSum: "reduce \(index), row sum of \(reduction.elements)"
    case .weightGradient(let layout, _, let stride, let inputs):
      "reduce \(index), weight gradient in \(layout.panels.count) blocks of \(inputs) "
        + "(stride \(stride))"
    }
  }

  private func describe(_ share: Share) -> String {
    switch share {
    case .one(.start): "first"
    case .one(let place): "one at \(place.line):\(place.offset)"
    case .piece(let place, _): "pieces at \(place.line):\(place.offset)"
    case .apart: "all"
    }
  }

  /// A uniform value as it is known to the reader: an argument's name, or where it lies.
  func name(_ value: Value) -> String {
    if let argument = function.arguments.first(where: { $0.value == value }) {
      return argument.name
    }
    return place(value)
  }

  private func place(_ value: Value) -> String {
    storage.locations[value].map { place($0, views.type(of: value).elementCount) } ?? "nowhere"
  }

  private func place(_ location: Storage.Location, _ elements: Int) -> String {
    switch location {
    case .argument(let index): function.arguments[index].name
    case .result(let index): "result \(function.results[index].name)"
    case .state(let offset): "state[\(offset)..<\(offset + elements)]"
    case .work(let offset): "work[\(offset)..<\(offset + elements)]"
    case .table(let index): "constant \(index)"
    }
  }
}
