import FlowIR

extension TileProgram {
  /// A value or pack with its place, and its size.
  private struct Stored {
    let name: String
    let location: Storage.Location
    let elements: Int
    /// Whether another value may have the very same place.
    let canBeShared: Bool
  }

  private var stored: [Stored] {
    let values = storage.locations.sorted { $0.key < $1.key }.map {
      Stored(
        name: "value \($0.key.id)", location: $0.value,
        elements: views.type(of: $0.key).elementCount, canBeShared: true)
    }
    let working = storage.working.sorted { $0.key < $1.key }.map {
      Stored(
        name: "working memory of value \($0.key.id)", location: $0.value,
        elements: Storage.exponentialWork * views.type(of: $0.key).elementCount,
        canBeShared: false)
    }
    let packs = zip(storage.packs, packings).enumerated().map {
      Stored(
        name: "pack \($0)", location: $1.0, elements: $1.1.pack.layout.packedCount,
        canBeShared: false)
    }
    let tables = zip(storage.inverses, inverses).enumerated().map {
      Stored(
        name: "inverse \($0)", location: $1.0, elements: $1.1.table.size, canBeShared: false)
    }
    return values + working + packs + tables
  }

  /// `bounds`, `alignment` and `overlap`.
  func storageFaults() -> [Fault] {
    var faults: [Fault] = []
    var ranges: [(memory: Int, start: Int, end: Int, item: Stored)] = []
    for item in stored {
      let place: (memory: Int, offset: Int, size: Int)
      switch item.location {
      case .argument(let index):
        if !function.arguments.indices.contains(index) {
          faults.append(Fault(.bounds, "\(item.name) lies in argument \(index)"))
        }
        continue
      case .result(let index):
        if !function.results.indices.contains(index) {
          faults.append(Fault(.bounds, "\(item.name) lies in result \(index)"))
        }
        continue
      case .table(let index):
        if !storage.tables.indices.contains(index) {
          faults.append(Fault(.bounds, "\(item.name) lies in constant \(index)"))
        }
        continue
      case .state(let offset): place = (0, offset, storage.stateElements)
      case .work(let offset): place = (1, offset, storage.workElements)
      }
      let end = place.offset + item.elements
      if place.offset < 0 || end > place.size {
        faults.append(
          Fault(.bounds, "\(item.name) ends at \(end) in a memory of \(place.size)"))
      }
      if place.offset % Storage.alignment != 0 {
        faults.append(Fault(.alignment, "\(item.name) starts at \(place.offset)"))
      }
      ranges.append((place.memory, place.offset, end, item))
    }
    ranges.sort { ($0.memory, $0.start, $0.end) < ($1.memory, $1.start, $1.end) }
    for (first, second) in zip(ranges, ranges.dropFirst())
    where first.memory == second.memory && second.start < first.end
      && !(first.item.canBeShared && second.item.canBeShared
        && (first.start, first.end) == (second.start, second.end))
    {
      faults.append(Fault(.overlap, "\(first.item.name) and \(second.item.name)"))
    }
    return faults + sharingFaults()
  }

  /// Whether values in the very same place are reshapes of one that lies there.
  private func sharingFaults() -> [Fault] {
    var owners: [Storage.Location: Value] = [:]
    var faults: [Fault] = []
    for (value, location) in storage.locations.sorted(by: { $0.key < $1.key }) {
      if let definition = views.definition(of: value), case .reshape = definition.opcode,
        storage.locations[definition.operands[0]] == location
      {
        continue
      }
      if let owner = owners.updateValue(value, forKey: location) {
        faults.append(
          Fault(.overlap, "value \(owner.id) and value \(value.id) both lie at \(location)"))
      }
    }
    return faults
  }

  /// `panels`.
  func panelFaults() -> [Fault] {
    packingFaults() + layerFaults()
  }

  /// Whether layers read their weights as they are packed.
  private func layerFaults() -> [Fault] {
    phases.flatMap(\.nodes).flatMap(\.all).flatMap { node in
      node.body.packs.filter { use in
        !packings.indices.contains(use.pack) || packings[use.pack].pack.layout != use.layout
      }.map {
        Fault(.panels, "the layer at '\(node.scope.path)' has other panels than pack \($0.pack)")
      }
    }
  }

  /// Whether packed weights have each output once, and no more inputs than there are.
  private func packingFaults() -> [Fault] {
    packings.enumerated().flatMap { index, packing in
      let layout = packing.pack.layout
      let (outputs, inputs) = (packing.weight.rows.count, packing.weight.columns.count)
      var faults: [Fault] = []
      var covered = [Int](repeating: 0, count: outputs)
      var end = 0
      var last: Panel?
      // Where the next of panels that lie side by side starts, and where they end.
      var beside = 0..<0
      for panel in layout.panels {
        let isBeside =
          panel.weights == beside.lowerBound && panel.weights + panel.rows <= beside.upperBound
          && last.map { ($0.first, $0.k, $0.stride) == (panel.first, panel.k, panel.stride) }
            == true
        if !isBeside {
          let start = PanelLayout.start(after: end, stride: panel.stride, rows: panel.rows)
          if panel.weights != start || panel.stride < panel.rows {
            faults.append(
              Fault(.panels, "pack \(index) has a panel at \(panel.weights), after \(end)"))
          }
          beside = panel.weights..<max(panel.weights, panel.weights + panel.stride)
          end = panel.weights + panel.stride * (panel.k + 1)
        }
        beside = min(beside.upperBound, panel.weights + panel.rows)..<beside.upperBound
        last = panel
        if panel.first < 0 || panel.k < 0 || panel.first + panel.k > inputs {
          faults.append(
            Fault(
              .panels,
              "pack \(index) multiplies inputs \(panel.first)..<\(panel.first + panel.k) of \(inputs)"
            ))
        }
        for row in panel.row..<panel.row + panel.rows {
          if covered.indices.contains(row) {
            covered[row] += 1
          } else {
            faults.append(Fault(.panels, "pack \(index) makes output \(row) of \(outputs)"))
          }
        }
      }
      if end != layout.packedCount {
        faults.append(
          Fault(.panels, "pack \(index) ends at \(end) of \(layout.packedCount)"))
      }
      if let output = covered.firstIndex(where: { $0 != 1 }) {
        faults.append(
          Fault(.panels, "output \(output) of pack \(index) is in \(covered[output]) panels"))
      }
      return faults
    }
  }
}
