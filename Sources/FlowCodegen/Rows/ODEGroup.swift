/// A differential equation that is solved for the rows of several tiles at once: rows that are done make
/// room for others.
///
///     for each tile:  nodes before, the first two stages, save
///     all rows:       steps, in the lanes of one tile
///     for each tile:  restore, nodes after
struct ODEGroup {
  /// Elements of the scratch memory that are saved for each tile.
  struct Span {
    /// Where they lie in the scratch memory.
    let scratch: Int
    /// Where they lie among what is saved.
    let saved: Int
    let elements: Int
  }

  /// The place of the solution among the phase's nodes.
  let position: Int
  let solve: ODESolveNode
  /// What is saved: the control block and the states, which a row leaves when it is done; the first
  /// derivatives and what the dynamics read from outside, which it also brings; and what later nodes read.
  let spans: [Span]
  /// How many spans a row leaves.
  let outs: Int
  /// How many spans a row brings.
  let ins: Int

  /// The elements that are saved for a tile.
  var size: Int { spans.reduce(0) { $0 + $1.elements } }

  /// Tiles that are solved together at most, as in `fk_ode_group.h`.
  static let tiles = 16

  /// The solutions among a phase's nodes whose rows may change their lanes; none where steps are
  /// recorded, since a record is too large to save.
  static func all(_ nodes: [Node], _ scratch: ScratchPlan) -> [ODEGroup] {
    guard !nodes.flatMap(\.all).contains(where: { ($0.body as? ODESolveNode)?.record != nil })
    else { return [] }
    return nodes.indices.compactMap { ODEGroup(position: $0, nodes, scratch) }
  }

  private init?(position: Int, _ nodes: [Node], _ scratch: ScratchPlan) {
    guard let solve = nodes[position].body as? ODESolveNode,
      solve.nodes.flatMap(\.all).allSatisfy(\.body.isByLane)
    else { return nil }
    self.position = position
    self.solve = solve
    let states = solve.states.map { scratch.root(of: $0.x) }
    let inside = Set(
      solve.nodes.flatMap { $0.body.touched.map { scratch.root(of: $0) } })
    // In the order they were made, so that the printed program is the same each time.
    let open = scratch.lives.filter { buffer, life in
      life.lowerBound < position && life.upperBound >= position && !states.contains(buffer)
    }.keys.sorted { $0.id < $1.id }
    let captured = open.filter { inside.contains($0) }
    let later = open.filter {
      !inside.contains($0) && (scratch.lives[$0]?.upperBound ?? 0) > position
    }
    var spans: [Span] = []
    var saved = 0
    func save(_ range: Range<Int>) {
      spans.append(Span(scratch: range.lowerBound, saved: saved, elements: range.count))
      saved += range.count
    }
    save(scratch.range(of: solve.block))
    for buffer in states { save(scratch.range(of: buffer)) }
    outs = spans.count
    for state in solve.states {
      let start = scratch.range(of: state.k).lowerBound
      save(start..<start + state.x.elements)
    }
    for buffer in captured { save(scratch.range(of: buffer)) }
    ins = spans.count
    for buffer in later { save(scratch.range(of: buffer)) }
    self.spans = spans
  }
}

extension NodeBody {
  /// Whether what a lane computes depends neither on which lane it is nor on which row of the call.
  fileprivate var isByLane: Bool {
    canBeNarrow && reductions.isEmpty && results.isEmpty && !(self is LoadNode)
      && !(self is RandomNode)
  }
}
