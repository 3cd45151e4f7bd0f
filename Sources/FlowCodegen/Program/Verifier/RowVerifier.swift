/// Checks the nodes of a loop over rows: `read`, `span`, `scratch`, `live` and `final`.
struct RowVerifier {
  private let phase: RowPhase
  private let place: String

  init(_ phase: RowPhase, number: Int) {
    self.phase = phase
    place = "rows \(number)"
  }

  func faults() -> [Fault] {
    var check = ReadCheck(place: place, phase.nodes)
    check.run(phase.nodes)
    let early = phase.nodes.flatMap(\.all).flatMap { $0.body.earlyReads(place) }
    return scratchFaults() + check.faults + early
  }

  /// Whether buffers have places, apart from those they are live with.
  private func scratchFaults() -> [Fault] {
    let scratch = phase.scratch
    var faults: [Fault] = []
    var placed: [(buffer: Buffer, range: Range<Int>)] = []
    let lives = ScratchPlan.lives(phase.nodes, ScratchPlan.aliases(phase.nodes))
    let folds = ScratchPlan.folds(phase.nodes)
    for buffer in lives.keys.sorted(by: { $0.id < $1.id }) {
      guard scratch.offset(of: buffer) != nil else {
        faults.append(Fault(.scratch, "\(place): \(buffer.name) has no place"))
        continue
      }
      let range = scratch.range(of: buffer)
      if range.lowerBound < 0 || range.upperBound > scratch.elements {
        faults.append(
          Fault(.scratch, "\(place): \(buffer.name) lies at \(range) of \(scratch.elements)"))
      }
      for other in placed
      where ScratchPlan.meet(other.buffer, buffer, lives, folds) && other.range.overlaps(range) {
        faults.append(
          Fault(
            .live, "\(place): \(buffer.name) at \(range), \(other.buffer.name) at \(other.range)"))
      }
      placed.append((buffer, range))
    }
    return faults
  }
}

/// Follows nodes in order and notes which elements hold something, and of two buffers in one place which one's.
private struct ReadCheck {
  let place: String
  var faults: [Fault] = []
  private var held: [Buffer: [Bool]] = [:]
  /// For each buffer that keeps what an earlier one holds, that one.
  private var earlier: [Buffer: Buffer] = [:]

  init(place: String, _ nodes: [Node]) {
    self.place = place
    for node in nodes.flatMap(\.all) {
      if let copy = node.body as? CopyNode { earlier[copy.target] = copy.kept?.buffer }
    }
  }

  mutating func run(_ nodes: [Node]) {
    for node in nodes {
      let body = node.body
      for span in body.reads { read(span, node) }
      let start = body.accumulators.map { Span($0.buffer) } + body.prepares
      for span in start { write(span, node) }
      run(body.inner)
      for span in body.takes { read(span, node) }
      for item in 0..<body.items {
        let keeps = (body as? CopyNode)?.keeps(item) == true
        for span in body.writes(of: item) { write(span, node, keeps: keeps) }
      }
    }
  }

  private mutating func isWithin(_ span: Span, _ node: Node) -> Bool {
    let elements = span.elements
    if elements.lowerBound >= 0, elements.upperBound <= span.buffer.elements { return true }
    faults.append(
      Fault(
        .span,
        "\(place): a node at '\(node.scope.path)' uses elements \(elements) of "
          + "\(span.buffer.elements) of \(span.buffer.name)"))
    return false
  }

  private mutating func read(_ span: Span, _ node: Node) {
    guard isWithin(span, node) else { return }
    let isHeld =
      held[span.buffer].map { $0[span.elements].allSatisfy { $0 } } ?? span.elements.isEmpty
    if !isHeld {
      faults.append(
        Fault(
          .read,
          "\(place): a node at '\(node.scope.path)' reads \(span.elements) of "
            + "\(span.buffer.name) before it is written"))
    }
  }

  private mutating func write(_ span: Span, _ node: Node, keeps: Bool = false) {
    guard isWithin(span, node) else { return }
    var buffer = span.buffer
    while !keeps, let before = earlier[buffer] {
      for element in span.elements { held[before]?[element] = false }
      buffer = before
    }
    held[span.buffer, default: [Bool](repeating: false, count: span.buffer.elements)]
      .withUnsafeMutableBufferPointer { held in
        for element in span.elements { held[element] = true }
      }
  }
}
