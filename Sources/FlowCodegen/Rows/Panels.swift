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
  /// How many numbers lie from an input's weights to the next input's: its own outputs, or those of all
  /// panels that are packed side by side.
  var stride: Int

  init(weights: Int, row: Int, rows: Int, first: Int, k: Int, stride: Int? = nil) {
    self.weights = weights
    self.row = row
    self.rows = rows
    self.first = first
    self.k = k
    self.stride = stride ?? rows
  }
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
  ///
  /// Small panels lie side by side where weights are packed once. Where each call packs them anew, threads
  /// share the packing out by panels, which would write to the same lines: a training step took 8 to 11 %
  /// longer.
  init(
    mask: Mask?, outputs: Int, inputs: Int, mixed: Bool = false, sideBySide: Bool = true
  ) {
    var groups = mask.map(Self.groups) ?? [Group(rows: outputs, inputs: 0..<inputs, isFull: true)]
    if mixed { groups = Self.joined(groups) }
    var panels: [Panel] = []
    var offset = 0
    var row = 0
    for group in groups {
      let k = group.inputs.count
      let count = group.panels
      // Panels are shared out evenly among blocks.
      let sizes = Self.sizes(of: count, sharing: group.rows)
      let most = sideBySide ? Self.sideBySide(k) : 1
      let blocks = (count + most - 1) / most
      var part = 0
      for block in 0..<blocks {
        let next = part + (count - part) / (blocks - block)
        let block = Array(sizes[part..<next])
        let stride = Self.stride(block)
        offset = Self.start(after: offset, stride: stride, rows: block[0])
        var weights = offset
        for rows in block {
          panels.append(
            Panel(
              weights: weights, row: row, rows: rows, first: group.inputs.lowerBound, k: k,
              stride: stride))
          weights += rows
          row += rows
        }
        offset += stride * (k + 1)
        part = next
      }
    }
    self.panels = panels
    self.packedCount = offset
    self.isIrregular = !groups.allSatisfy(\.isFull)
  }

  /// The most numbers of a block of panels that are packed side by side. A tile reads each panel by
  /// itself; the lines that it shares with others must still be in the first cache then.
  private static let blockCount = 8192
  /// The outputs of such a block, at most six vectors of 16. Longer panels, of which fewer than the least
  /// fit in a block, stay apart: tiles would read more lines of them, and take 1 to 3 % longer.
  private static let blockOutputs = (least: 48, most: 96)

  /// How many outputs each of some panels has that share them out evenly: 13 = 5 + 4 + 4 keeps the registers busier
  /// than 6 + 6 + 1. Where panels are few, even numbers come first: 16 = 4 + 6 + 6, since Zen 3 takes outputs in
  /// pairs. Among many panels that moves nothing but the two or three smallest, which then take longer.
  private static func sizes(of panels: Int, sharing rows: Int) -> [Int] {
    let unit = panels <= mostPaired ? 2 : 1
    var sizes: [Int] = []
    var left = rows
    for rest in (1...panels).reversed() {
      // What is left of the last unit goes first.
      let size = left / unit / rest * unit + left % unit
      sizes.append(size)
      left -= size
    }
    return sizes
  }

  /// Up to how many panels have even numbers of outputs.
  private static let mostPaired = 4

  /// How many panels of k inputs are packed side by side.
  private static func sideBySide(_ k: Int) -> Int {
    let outputs = min(blockOutputs.most, blockCount / (k + 1))
    return outputs < blockOutputs.least ? 1 : outputs / maximumRows
  }

  /// The stride of panels side by side: whole eighths, so that vectors of eight do not straddle lines.
  private static func stride(_ rows: [Int]) -> Int {
    let sum = rows.reduce(0, +)
    return rows.count == 1 ? sum : (sum + 7) / 8 * 8
  }

  /// Where weights start that follow others: panels side by side at the start of a cache line.
  static func start(after end: Int, stride: Int, rows: Int) -> Int {
    stride == rows ? end : Storage.rounded(end)
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
