import FlowIR

/// Copies elements of other buffers, uniform values or constants into a buffer. Each run of consecutive
/// elements is an item.
struct CopyNode: NodeBody {
  /// Consecutive elements.
  struct Run {
    enum Source {
      case buffer(Buffer, Int)
      case uniform(Value, Int)
      case constant(Double)
    }

    var source: Source
    var target: Int
    var count: Int

    /// The buffer that is copied from; nil for uniform values and constants.
    var buffer: Buffer? {
      if case .buffer(let buffer, _) = source { buffer } else { nil }
    }
  }

  let runs: [Run]
  let target: Buffer

  var items: Int { runs.count }

  func reads(of item: Int) -> [Span] {
    let run = runs[item]
    switch run.source {
    case .buffer(let buffer, let index): return [Span(buffer, index..<index + run.count)]
    case .uniform, .constant: return []
    }
  }

  func writes(of item: Int) -> [Span] {
    [Span(target, runs[item].target..<runs[item].target + runs[item].count)]
  }

  var uniforms: [Value] {
    runs.compactMap { run in
      switch run.source {
      case .uniform(let value, _): value
      case .buffer, .constant: nil
      }
    }
  }

  func stepped(_ ready: Readiness) -> Stepped? { steppedByItem(ready) }

  /// How many elements are copied.
  private var count: Int { runs.reduce(0) { $0 + $1.count } }

  func label(_ function: Function) -> String { "copy \(count) elements" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost {
    // Processors store a vector in the time of two instructions.
    NodeCost(instructions: 2 * count)
  }
  func summary(_ text: NodeText) -> String {
    "copy \(count) elements in \(runs.count) runs -> \(text.place(target))"
  }
}
