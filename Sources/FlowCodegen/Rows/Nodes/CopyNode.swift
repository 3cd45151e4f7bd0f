import FlowIR

/// Copies elements of other buffers, uniform values or constants into a buffer. Each run of consecutive
/// elements is an item.
struct CopyNode: NodeBody {
  /// Consecutive elements.
  struct Run: Equatable {
    enum Source: Equatable {
      case buffer(Buffer, Int)
      case uniform(Value, Int)
      case constant(Double)

      static func == (left: Source, right: Source) -> Bool {
        switch (left, right) {
        case (.buffer(let a, let i), .buffer(let b, let j)): a == b && i == j
        case (.uniform(let a, let i), .uniform(let b, let j)): a == b && i == j
        case (.constant(let a), .constant(let b)): a.bitPattern == b.bitPattern
        case (.buffer, _), (.uniform, _), (.constant, _): false
        }
      }

      /// Where so many elements on are copied from.
      func advanced(by count: Int) -> Source {
        switch self {
        case .buffer(let buffer, let index): .buffer(buffer, index + count)
        case .uniform(let value, let index): .uniform(value, index + count)
        case .constant: self
        }
      }
    }

    var source: Source
    var target: Int
    var count: Int

    /// The buffer that is copied from; nil for uniform values and constants.
    var buffer: Buffer? {
      if case .buffer(let buffer, _) = source { buffer } else { nil }
    }
  }

  /// What an earlier buffer holds already.
  struct Kept {
    /// The target lies where it does.
    let buffer: Buffer
    /// The runs that it has at the same places.
    let runs: Set<Int>
  }

  let runs: [Run]
  let target: Buffer
  let kept: Kept?

  init(runs: [Run], target: Buffer, kept: Kept? = nil) {
    self.runs = runs
    self.target = target
    self.kept = kept
  }

  var items: Int { runs.count }

  func reads(of item: Int) -> [Span] {
    let run = runs[item]
    if let kept, keeps(item) {
      return [Span(kept.buffer, run.target..<run.target + run.count)]
    }
    switch run.source {
    case .buffer(let buffer, let index): return [Span(buffer, index..<index + run.count)]
    case .uniform, .constant: return []
    }
  }

  func writes(of item: Int) -> [Span] {
    [Span(target, runs[item].target..<runs[item].target + runs[item].count)]
  }

  var aliases: [(buffer: Buffer, root: Buffer)] { kept.map { [(target, $0.buffer)] } ?? [] }

  /// Whether a run is there already.
  func keeps(_ item: Int) -> Bool { kept?.runs.contains(item) == true }

  /// The runs that are copied.
  var copied: [Int] { runs.indices.filter { !keeps($0) } }

  var uniforms: [Value] {
    copied.compactMap { item in
      switch runs[item].source {
      case .uniform(let value, _): value
      case .buffer, .constant: nil
      }
    }
  }

  func stepped(_ ready: Readiness) -> Stepped? { steppedByItem(ready) }

  private func count(_ items: some Sequence<Int>) -> Int { items.reduce(0) { $0 + runs[$1].count } }

  func label(_ function: Function) -> String {
    copied.isEmpty ? "keep \(count(runs.indices)) elements" : "copy \(count(copied)) elements"
  }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost {
    // Processors store a vector in the time of two instructions.
    NodeCost(instructions: 2 * count(copied))
  }
  func summary(_ text: NodeText) -> String {
    var parts: [String] = []
    if !copied.isEmpty { parts.append("copy \(count(copied)) elements in \(copied.count) runs") }
    if let kept { parts.append("keep \(count(kept.runs)) elements in \(kept.runs.count) runs") }
    return "\(parts.joined(separator: " and ")) -> \(text.place(target))"
  }
}
