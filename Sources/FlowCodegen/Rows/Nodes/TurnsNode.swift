import FlowIR

/// A loop over turns, in each of which every node runs for its own share of the items: a chain of layers is
/// taken to its end for one feature before the next begins, so that what lies between its layers stays in the
/// processor's nearest cache.
struct TurnsNode: NodeBody {
  /// The nodes, whose items' steps are the turns.
  let nodes: [Node]
  let turns: Int
  /// The buffers of which every turn uses its own part, and nothing outside uses any.
  let folds: [Buffer: Fold]

  func reads(of item: Int) -> [Span] { [] }
  func writes(of item: Int) -> [Span] { [] }
  var bodies: [[Node]] { [nodes] }
  var calls: Int { turns }

  func label(_ function: Function) -> String { "turns \(turns)" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost { NodeCost() }
  func summary(_ text: NodeText) -> String { "turns \(turns), each a chain of its own" }
}

/// A buffer whose parts are used in turns, one after the other: all parts lie in the same place.
///
///     16 elements in 4 turns: in turn 2 elements 8..<12 are used, in the memory of elements 0..<4
struct Fold: Hashable {
  let turns: Int
  /// From which node of a turn to which its part is in use.
  let live: ClosedRange<Int>

  /// How many elements a buffer's part has.
  func elements(of buffer: Buffer) -> Int { buffer.elements / turns }
  /// The part of a turn.
  func part(of buffer: Buffer, in turn: Int) -> Range<Int> {
    let count = elements(of: buffer)
    return turn * count..<(turn + 1) * count
  }
  /// Whether a span of a buffer lies in the part of a turn.
  func holds(_ span: Span, in turn: Int) -> Bool {
    let part = part(of: span.buffer, in: turn)
    return part.lowerBound <= span.elements.lowerBound
      && span.elements.upperBound <= part.upperBound
  }
}
