/// Finds copies into a buffer of what an earlier buffer still holds at the same place, and lets the later buffer lie
/// where the earlier one does:
///
///     copy x, context -> a             copy x, context -> a
///     linear a -> h                    linear a -> h
///     group h -> b, first part    →    group h -> b, first part, where a lies
///     copy context -> b                keep context of a
///     linear b -> h                    linear b -> h
///
/// Each transform of a flow with a context reads it behind its own numbers. It is copied there once for all of them
/// then.
struct KeptCopies {
  private let nodes: [Node]
  /// The nodes that use each buffer, in order.
  private var uses: [Buffer: [Int]] = [:]
  /// The last node that writes each buffer, and how many write each of its elements.
  private var lastWrites: [Buffer: Int] = [:]
  private var writes: [Buffer: [Int]] = [:]
  /// The buffers that share memory for other reasons.
  private var shared: Set<Buffer> = []

  init(_ nodes: [Node]) {
    self.nodes = nodes
    for (position, node) in nodes.enumerated() {
      for buffer in node.body.touched { uses[buffer, default: []].append(position) }
      for body in node.all.map(\.body) {
        for span in body.writes + body.prepares + body.accumulators.map({ Span($0.buffer) }) {
          lastWrites[span.buffer] = position
          for element in span.elements {
            writes[
              span.buffer, default: [Int](repeating: 0, count: span.buffer.elements)][element] += 1
          }
        }
        for (buffer, root) in body.aliases { shared.formUnion([buffer, root]) }
        shared.formUnion(body.folds.keys)
      }
    }
  }

  /// The nodes, with copies that keep what is there.
  func found() -> [Node] {
    // The buffers that copies were made to and in whose place no later one lies, with the runs of each by target.
    var earlier: [(buffer: Buffer, position: Int, runs: [Int: CopyNode.Run])] = []
    return nodes.enumerated().map { position, node in
      guard let copy = node.body as? CopyNode, !shared.contains(copy.target) else { return node }
      defer {
        let runs = Dictionary(copy.runs.map { ($0.target, $0) }, uniquingKeysWith: { $1 })
        earlier.append((copy.target, position, runs))
      }
      for (index, before) in earlier.enumerated().reversed()
      where before.buffer.elements == copy.target.elements {
        let runs = copy.runs.indices.filter { index in
          let run = copy.runs[index]
          return before.runs[run.target] == run && isWhole(run, before.position)
            && isWrittenOnce(run, in: before.buffer) && isWrittenOnce(run, in: copy.target)
        }
        guard !runs.isEmpty, follows(position, copy, keeping: runs.count, before.buffer) else {
          continue
        }
        earlier.remove(at: index)
        let kept = CopyNode.Kept(buffer: before.buffer, runs: Set(runs))
        return Node(
          CopyNode(runs: copy.runs, target: copy.target, kept: kept), scope: node.scope,
          itemSteps: node.itemSteps)
      }
      return node
    }
  }

  /// Whether nothing writes to what a run copies from a position on.
  private func isWhole(_ run: CopyNode.Run, _ position: Int) -> Bool {
    guard let source = run.buffer else { return true }
    return lastWrites[source, default: position] < position && !shared.contains(source)
  }

  private func isWrittenOnce(_ run: CopyNode.Run, in buffer: Buffer) -> Bool {
    (writes[buffer] ?? [])[run.target..<run.target + run.count].allSatisfy { $0 == 1 }
  }

  /// Whether nothing uses an earlier buffer once another node than a copy that keeps so many runs uses the copy's
  /// target, or the copy brings others there.
  private func follows(
    _ position: Int, _ copy: CopyNode, keeping count: Int, _ earlier: Buffer
  ) -> Bool {
    let isAll = count == copy.runs.count
    let first = uses[copy.target, default: []].first { $0 != position || !isAll }
    guard let first, let last = uses[earlier]?.last else { return false }
    return last < first
  }
}
