import FlowIR

/// A linear layer on one tile, with the pointwise operations that follow it in registers; each panel
/// is an item.
struct LinearNode: NodeBody {
  let input: Buffer
  let output: Buffer
  let layout: PanelLayout
  let mask: Mask?
  let pack: Int
  /// How many input vectors are multiplied, one after the other.
  let repeats: Int
  let inputs: Int
  let outputs: Int
  let product: Value
  let epilogue: [TensorOperation]
  let result: Value
  /// A second value that the epilogue reads, at the element being written.
  let extra: (value: Value, buffer: Buffer)?
  /// For each panel the inputs that its outputs see; others in its range are multiplied by zero.
  private let seen: [[Range<Int>]]

  init(
    input: Buffer, output: Buffer, layout: PanelLayout, mask: Mask?, pack: Int, repeats: Int,
    inputs: Int, outputs: Int, product: Value, epilogue: [TensorOperation], result: Value,
    extra: (value: Value, buffer: Buffer)?
  ) {
    self.input = input
    self.output = output
    self.layout = layout
    self.mask = mask
    self.pack = pack
    self.repeats = repeats
    self.inputs = inputs
    self.outputs = outputs
    self.product = product
    self.epilogue = epilogue
    self.result = result
    self.extra = extra
    seen = layout.panels.map { Self.inputs($0, mask) }
  }

  /// The runs of inputs that some output of a panel sees.
  private static func inputs(_ panel: Panel, _ mask: Mask?) -> [Range<Int>] {
    let all = panel.first..<panel.first + panel.k
    guard let mask else { return [all] }
    var sees = [Bool](repeating: false, count: panel.k)
    for row in panel.row..<panel.row + panel.rows {
      mask.row(row).withUnsafeBufferPointer { bits in
        for i in 0..<panel.k where bits[panel.first + i] { sees[i] = true }
      }
    }
    var runs: [Range<Int>] = []
    var start: Int?
    for i in 0...panel.k {
      if i < panel.k, sees[i] {
        start = start ?? i
      } else if let from = start {
        runs.append(panel.first + from..<panel.first + i)
        start = nil
      }
    }
    return runs
  }

  var items: Int { layout.panels.count }

  func reads(of item: Int) -> [Span] {
    let panel = layout.panels[item]
    return (0..<repeats).flatMap { n in
      seen[item].map { Span(input, n * inputs + $0.lowerBound..<n * inputs + $0.upperBound) }
        + (extra.map { [Span($0.buffer, outputRange(panel, n))] } ?? [])
    }
  }

  func loads(of item: Int) -> [Span] {
    let panel = layout.panels[item]
    return reads(of: item)
      + (0..<repeats).map { n in
        let first = n * inputs + panel.first
        return Span(input, first..<first + panel.k)
      }
  }

  func writes(of item: Int) -> [Span] {
    (0..<repeats).map { Span(output, outputRange(layout.panels[item], $0)) }
  }

  private func outputRange(_ panel: Panel, _ n: Int) -> Range<Int> {
    n * outputs + panel.row..<n * outputs + panel.row + panel.rows
  }

  var packs: [PackUse] { [PackUse(pack: pack, layout: layout)] }
  var multipliedByZero: [Buffer] { layout.isIrregular ? [input] : [] }

  func stepped(_ ready: Readiness) -> Stepped? { repeats == 1 ? steppedByItem(ready) : nil }

  /// Whether a first cache does not hold the inputs that one of its panels sees.
  var isFar: Bool { layout.panels.contains { $0.k > Self.nearInputs } }

  /// The most inputs of a tile, of 256 bytes each, that a first cache of 32 KB holds.
  private static let nearInputs = 128

  /// How many weights are multiplied.
  private var weights: Int { layout.panels.reduce(0) { $0 + $1.rows * $1.k } }

  func label(_ function: Function) -> String { "linear \(outputs) x \(inputs)" }

  func cost(_ views: Views, on set: InstructionSet) -> NodeCost {
    var cost = NodeCost(
      flop: 2 * repeats * weights, nonzeroFLOP: 2 * repeats * (mask?.count ?? weights))
    cost.add(epilogue, kept: [result], views, on: set)
    return cost
  }

  func summary(_ text: NodeText) -> String {
    let names = epilogue.map(\.opcode.name).joined(separator: ", ")
    return
      "linear \(outputs) x \(inputs) by pack \(pack) in \(layout.panels.count) panels, \(weights) of "
      + "\(inputs * outputs) weights, \(text.place(input)) -> \(text.place(output))"
      + (isFar ? " from the second cache" : "")
      + (names.isEmpty ? "" : " then \(names)")
  }
}
