import FlowIR

/// Up to six outputs of a linear layer that see the same range of inputs.
struct Panel: Hashable {
  /// Where its packed weights start, in elements.
  var weights: Int
  /// The first output.
  var row: Int
  /// How many outputs.
  var rows: Int
  /// The first input that it sees.
  var first: Int
  /// How many inputs from there on.
  var k: Int
}

/// How the work of a linear layer is cut into panels.
struct PanelLayout: Hashable {
  static let maximumRows = 6

  let panels: [Panel]
  /// The size of the packed weights and biases, in elements.
  let packedCount: Int
  /// Whether some panel has zeros within its range, so that packing must consult the mask.
  let isIrregular: Bool

  /// Outputs in a row that are treated alike, and the range of inputs that they see.
  private struct Group {
    var rows: Int
    var inputs: Range<Int>
    /// Whether every output sees every input of the range.
    var isFull: Bool

    /// How many panels it makes.
    var panels: Int { (rows + PanelLayout.maximumRows - 1) / PanelLayout.maximumRows }

    /// About how many cycles its products take for each vector of rows. With few outputs the time goes
    /// into waiting for loads rather than into products.
    var cost: Int { inputs.count * max(rows, 2 * panels) }

    func joined(_ next: Group) -> Group {
      let inputs =
        min(
          inputs.lowerBound, next.inputs.lowerBound)..<max(
          inputs.upperBound, next.inputs.upperBound)
      return Group(
        rows: rows + next.rows, inputs: inputs,
        isFull: isFull && next.isFull && inputs == self.inputs && inputs == next.inputs)
    }
  }

  /// Cuts a layer; without a mask every output sees every input.
  ///
  /// Panels do not straddle outputs with different masks, so that nothing is multiplied by zero. If
  /// they may be mixed, those of a few outputs with nearly the same inputs are joined where that
  /// takes less time.
  init(mask: Mask?, outputs: Int, inputs: Int, mixed: Bool = false) {
    var groups = mask.map(Self.groups) ?? [Group(rows: outputs, inputs: 0..<inputs, isFull: true)]
    if mixed { groups = Self.joined(groups) }
    var panels: [Panel] = []
    var offset = 0
    var row = 0
    for group in groups {
      let k = group.inputs.count
      let end = row + group.rows
      let count = group.panels
      for part in 0..<count {
        // Rows are shared out evenly: 13 = 5 + 4 + 4 keeps the registers busier than 6 + 6 + 1.
        let rows = (end - row) / (count - part)
        panels.append(
          Panel(weights: offset, row: row, rows: rows, first: group.inputs.lowerBound, k: k))
        offset += rows * (k + 1)
        row += rows
      }
    }
    self.panels = panels
    self.packedCount = offset
    self.isIrregular = !groups.allSatisfy(\.isFull)
  }

  /// Neighbours with the same mask.
  private static func groups(_ mask: Mask) -> [Group] {
    var groups: [Group] = []
    var row = 0
    while row < mask.rows {
      var end = row + 1
      while end < mask.rows, mask.row(end) == mask.row(row) { end += 1 }
      let bits = mask.row(row)
      let first = bits.firstIndex(of: true).map { $0 - bits.startIndex } ?? 0
      let last = bits.lastIndex(of: true).map { $0 - bits.startIndex + 1 } ?? first
      let isFull = bits.reduce(0) { $0 + ($1 ? 1 : 0) } == last - first
      groups.append(Group(rows: end - row, inputs: first..<last, isFull: isFull))
      row = end
    }
    return groups
  }

  /// Joins neighbours into single panels, so that all together take the least time.
  private static func joined(_ groups: [Group]) -> [Group] {
    // For each number of leading groups: the least cost of their panels, the last of these panels, and the
    // group that it starts with.
    var best: [(cost: Int, group: Group, start: Int)] = []
    for end in groups.indices {
      var group = groups[end]
      func candidate(_ start: Int) -> (cost: Int, group: Group, start: Int) {
        ((start > 0 ? best[start - 1].cost : 0) + group.cost, group, start)
      }
      var found = candidate(end)
      for start in (0..<end).reversed() {
        group = groups[start].joined(group)
        guard group.rows <= maximumRows else { break }
        let next = candidate(start)
        if next.cost < found.cost { found = next }
      }
      best.append(found)
    }
    var result: [Group] = []
    var end = groups.count
    while end > 0 {
      result.append(best[end - 1].group)
      end = best[end - 1].start
    }
    return result.reversed()
  }
}
