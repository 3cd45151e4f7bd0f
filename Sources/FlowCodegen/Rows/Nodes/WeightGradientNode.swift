import FlowIR

/// The gradient of a weight matrix, summed over the tile's rows into a reduction.
struct WeightGradientNode: NodeBody {
  /// The rows whose input is read; in the others it counts as zeros.
  struct Rows {
    /// One truth value for each row.
    let condition: Buffer
    /// Holds the input with zeros, where there is such a row in the tile.
    let copy: Buffer
  }

  let gradient: Buffer
  let input: Buffer
  /// nil if the input is read in all rows.
  let rows: Rows?
  let transposed: Buffer
  let layout: PanelLayout
  let outputs: Int
  let inputs: Int
  /// How many numbers the transposed input, and the gradient, have to a row.
  let stride: Int
  let reduction: Int

  /// Numbers in a vector of the widest machine, so that one plan serves all.
  static let lanes = 16

  /// Whole vectors. Long rows are an odd number of them: at a distance of a power of two all rows
  /// would share a few lines of the first cache.
  static func stride(inputs: Int) -> Int {
    let vectors = (inputs + lanes - 1) / lanes
    return lanes * (vectors >= 8 ? vectors | 1 : vectors)
  }

  func reads(of item: Int) -> [Span] {
    [Span(gradient), Span(input)] + (rows.map { [Span($0.condition)] } ?? [])
  }
  /// The rows beyond the last of the data are set to zero in place.
  func writes(of item: Int) -> [Span] { [Span(gradient)] }
  var working: [Buffer] { [transposed] + (rows.map { [$0.copy] } ?? []) }
  var reductions: [Int] { [reduction] }
  var canBeNarrow: Bool { false }

  func label(_ function: Function) -> String { "weight gradient \(outputs) x \(inputs)" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost {
    let flop = 2 * layout.panels.reduce(0) { $0 + $1.rows * $1.k }
    return NodeCost(flop: flop, nonzeroFLOP: flop)
  }
  func summary(_ text: NodeText) -> String {
    let chosen = rows.map { " where \(text.place($0.condition))" } ?? ""
    return "weight gradient \(text.place(gradient)) x \(text.place(input))\(chosen)"
      + " -> reduce \(reduction)"
  }
}
