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

/// How the work of a linear layer is cut: panels that never straddle outputs with different masks.
struct PanelLayout: Hashable {
  static let maximumRows = 6

  let panels: [Panel]
  /// The size of the packed weights and biases, in elements.
  let packedCount: Int
  /// Whether some panel has zeros within its range, so that packing must consult the mask.
  let isIrregular: Bool

  /// Cuts a layer; without a mask every output sees every input.
  init(mask: Mask?, outputs: Int, inputs: Int) {
    var panels: [Panel] = []
    var offset = 0
    var irregular = false
    var row = 0
    while row < outputs {
      var end = row + 1
      if let mask {
        while end < outputs, mask.row(end) == mask.row(row) { end += 1 }
      } else {
        end = outputs
      }
      var (first, k) = (0, inputs)
      if let mask {
        let bits = mask.row(row)
        first = bits.firstIndex(of: true).map { $0 - bits.startIndex } ?? 0
        k = bits.lastIndex(of: true).map { $0 - bits.startIndex + 1 - first } ?? 0
        irregular = irregular || bits.reduce(0) { $0 + ($1 ? 1 : 0) } != k
      }
      let count = (end - row + Self.maximumRows - 1) / Self.maximumRows
      for part in 0..<count {
        // Rows are shared out evenly: 13 = 5 + 4 + 4 keeps the registers busier than 6 + 6 + 1.
        let rows = (end - row) / (count - part)
        panels.append(Panel(weights: offset, row: row, rows: rows, first: first, k: k))
        offset += rows * (k + 1)
        row += rows
      }
    }
    self.panels = panels
    self.packedCount = offset
    self.isIrregular = irregular
  }
}

extension Mask {
  /// The inputs that an output sees.
  func row(_ index: Int) -> ArraySlice<Bool> { bits[index * columns..<(index + 1) * columns] }
}
