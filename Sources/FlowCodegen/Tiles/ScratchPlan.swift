/// Gives the buffers of a row phase their places in a thread's scratch memory.
///
///     linear [x] -> [a], linear [a] -> [b], linear [b] -> [c]
///     each 16 elements, one after the other  →  a [0..<16], b [16..<32], c [0..<16]
///
/// Two buffers share memory if they are never live at once. Buffers are placed in order of size,
/// the largest first, each at the lowest offset that is free throughout its life.
struct ScratchPlan {
  /// The scratch memory that a tile needs, in tile elements.
  let elements: Int

  init(nodes: [Node]) {
    for (position, node) in nodes.enumerated() {
      for buffer in node.touched {
        let root = buffer.root
        let live = root.live ?? position...position
        root.live = min(live.lowerBound, position)...max(live.upperBound, position)
      }
    }
    var seen: Set<Int> = []
    let buffers = nodes.flatMap(\.touched).map(\.root).filter { seen.insert($0.id).inserted }
      .sorted { ($0.elements, $1.id) > ($1.elements, $0.id) }
    var placed: [Buffer] = []
    var total = 0
    for buffer in buffers {
      guard let live = buffer.live else { continue }
      var offset = 0
      let neighbours = placed.filter { $0.live?.overlaps(live) ?? false }
        .sorted { $0.offset < $1.offset }
      for other in neighbours {
        if other.offset >= offset + buffer.elements { break }
        offset = max(offset, other.offset + other.elements)
      }
      buffer.offset = offset
      total = max(total, offset + buffer.elements)
      placed.append(buffer)
    }
    elements = total
  }
}

extension Node {
  /// The buffers that the node reads or writes.
  var touched: [Buffer] {
    switch kind {
    case .load(_, let buffer, _): [buffer]
    case .copy(let runs, let target):
      runs.compactMap { if case .buffer(let buffer, _) = $0.source { buffer } else { nil } }
        + [target]
    case .linear(let linear):
      [linear.input, linear.output] + (linear.extra.map { [$0.buffer] } ?? [])
    case .group(let group):
      group.reads.map(\.buffer) + group.stores.map(\.buffer)
        + group.sums.values.map(\.buffer).sorted { $0.id < $1.id }
    case .weightGradient(let node): [node.gradient, node.input, node.transposed]
    case .solve(let node):
      if case .rows(let matrix) = node.matrix {
        [matrix, node.input, node.output]
      } else {
        [node.input, node.output]
      }
    case .random(_, _, _, let buffer): [buffer]
    case .steps(let node): node.nodes.flatMap(\.touched) + [node.state, node.next]
    case .loop(let loop): loop.bodies.joined().flatMap(\.touched) + loop.control.buffers
    case .root(let node):
      node.nodes.flatMap(\.touched)
        + [node.target, node.state, node.low, node.high, node.step, node.value, node.slope]
    case .quadrature(let node):
      node.nodes.flatMap(\.touched)
        + [node.limits.a, node.limits.b, node.point, node.weight]
        + node.sums.flatMap { [$0.value, $0.total] }
    case .store(let buffer, _): [buffer]
    case .rowSum(let buffer, _): [buffer]
    }
  }
}
