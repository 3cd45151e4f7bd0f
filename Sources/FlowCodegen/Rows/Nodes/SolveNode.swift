import FlowIR

/// Solves triangular systems, one right-hand side after the other.
struct SolveNode: NodeBody {
  enum Matrix {
    case uniform(Value)
    case rows(Buffer)
  }

  let matrix: Matrix
  let input: Buffer
  let output: Buffer
  let vectors: Int
  let size: Int
  /// Whether all vectors have the same matrix.
  let isShared: Bool
  let upper: Bool
  let unit: Bool

  func reads(of item: Int) -> [Span] {
    switch matrix {
    case .uniform: [Span(input)]
    case .rows(let buffer): [Span(buffer), Span(input)]
    }
  }
  func writes(of item: Int) -> [Span] { [Span(output)] }

  var uniforms: [Value] {
    switch matrix {
    case .uniform(let value): [value]
    case .rows: []
    }
  }
  var canBeNarrow: Bool { false }

  func label(_ function: Function) -> String { "solve \(vectors) x \(size)" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost {
    let flop = vectors * size * (size - 1)
    return NodeCost(flop: flop, nonzeroFLOP: flop)
  }
  func summary(_ text: NodeText) -> String {
    let kind = (upper ? "upper" : "lower") + (unit ? " unit" : "")
    let place =
      switch matrix {
      case .uniform: "uniform"
      case .rows(let buffer): text.place(buffer)
      }
    return "solve \(vectors) x \(size) \(kind) \(place), \(text.place(input)) -> "
      + text.place(output)
  }
}
