/// Finds chains of layers that fall into parts which have nothing to do with each other, such as those of the
/// features of a neural autoregressive flow, and makes a loop over the parts of each.
///
///     linear 320 x 320   the layer of 5 features; its panels for a feature see that feature alone
///     group of 5         once for each feature
///     linear 320 x 320
///       →  turns 5 { linear, 11 panels; group, 1 item; linear, 11 panels }
///
/// Items that read what others write belong to one part; the parts are the sets of items that hang together.
/// Sums over the items of a group are added up in the same order, since turns come in the order of items.
struct TurnPlan {
  /// The fewest elements that a turn writes: less lies in the nearest cache without turns too.
  private static let leastElements = 128

  private var nodes: [Node] = []
  /// The numbers of each node's first item, and for each item one of its part.
  private var starts: [Int] = []
  private var parents: [Int] = []
  private var parts = 0
  /// The item that wrote each element, or -1.
  private var writers: [Buffer: [Int]] = [:]
  private var sums: Set<Buffer> = []
  private var elements = 0
  private var layers = 0

  private mutating func part(_ item: Int) -> Int {
    var item = item
    while parents[item] != item {
      parents[item] = parents[parents[item]]
      item = parents[item]
    }
    return item
  }

  private mutating func join(_ one: Int, _ other: Int) {
    let (one, other) = (part(one), part(other))
    if one == other { return }
    parents[max(one, other)] = min(one, other)
    parts -= 1
  }

  /// Adds a node behind the others; false if there is only one part then, or it cannot run in turns.
  private mutating func add(_ node: Node) -> Bool {
    let body = node.body
    if let layer = body as? LinearNode {
      guard layer.repeats == 1, !layer.layout.isIrregular else { return false }
      layers += 1
    } else if !(body is GroupNode) {
      return false
    }
    let sums = Set(body.accumulators.map(\.buffer))
    starts.append(parents.count)
    for item in 0..<body.items {
      let number = parents.count
      parents.append(number)
      parts += 1
      for span in body.loads(of: item) {
        if self.sums.contains(span.buffer) { return false }
        guard let writers = writers[span.buffer] else { continue }
        var last = -1
        for writer in writers[span.elements] where writer >= 0 && writer != last {
          join(number, writer)
          last = writer
        }
      }
      if parts == 1, !nodes.isEmpty { return false }
      for span in body.writes(of: item) where !sums.contains(span.buffer) {
        var written = writers[span.buffer] ?? [Int](repeating: -1, count: span.buffer.elements)
        writers[span.buffer] = nil
        for element in span.elements {
          if written[element] >= 0 { return false }
          written[element] = number
        }
        writers[span.buffer] = written
        elements += span.elements.count
      }
    }
    self.sums.formUnion(sums)
    nodes.append(node)
    return true
  }

  /// For each node the turns of its items, if every layer has work in every turn; nil if that is not worth it.
  private mutating func turns() -> [[Int]]? {
    guard parts > 1, layers > 1, elements >= Self.leastElements * parts else { return nil }
    var numbers: [Int: Int] = [:]
    var found: [[Int]] = []
    for (index, node) in nodes.enumerated() {
      var turns: [Int] = []
      for item in 0..<node.body.items {
        let part = part(starts[index] + item)
        if index == 0, numbers[part] == nil { numbers[part] = numbers.count }
        guard let turn = numbers[part], turn >= turns.last ?? 0 else { return nil }
        turns.append(turn)
      }
      if node.body is LinearNode, Set(turns).count < parts { return nil }
      found.append(turns)
    }
    return numbers.count == parts ? found : nil
  }

  /// The longest chain from a layer on that runs in turns; nil if there is none.
  fileprivate static func longest(
    _ all: [Node], from start: Int, uses: [Buffer: Int]
  ) -> (node: Node, end: Int)? {
    guard all[start].body is LinearNode else { return nil }
    var plan = TurnPlan()
    var best: (plan: TurnPlan, turns: [[Int]])?
    for node in all[start...] {
      guard plan.add(node) else { break }
      if let turns = plan.turns() { best = (plan, turns) }
    }
    guard let (plan, turns) = best else { return nil }
    let nodes = zip(plan.nodes, turns).map { Node($0.body, scope: $0.scope, itemSteps: $1) }
    let body = TurnsNode(nodes: nodes, turns: plan.parts, folds: plan.folds(turns, uses))
    return (Node(body, scope: all[start].scope), start + nodes.count)
  }

  /// The buffers that only these nodes use, and in each turn another part of.
  private func folds(_ turns: [[Int]], _ uses: [Buffer: Int]) -> [Buffer: Fold] {
    var folds: [Buffer: Fold] = [:]
    for buffer in writers.keys where buffer.elements % parts == 0 {
      let users = nodes.indices.filter { nodes[$0].body.touched.contains(buffer) }
      guard let first = users.first, let last = users.last, users.count == uses[buffer] else {
        continue
      }
      let fold = Fold(turns: parts, live: first...last)
      let isApart = users.allSatisfy { user in
        turns[user].enumerated().allSatisfy { item, turn in
          nodes[user].body.spans(of: item).allSatisfy { span in
            span.buffer != buffer || fold.holds(span, in: turn)
          }
        }
      }
      if isApart { folds[buffer] = fold }
    }
    return folds
  }
}

extension NodeBody {
  /// All that an item loads or writes.
  func spans(of item: Int) -> [Span] { loads(of: item) + writes(of: item) }
}

extension [Node] {
  /// The nodes with loops over turns in place of chains of layers that fall into parts.
  func inTurns() -> [Node] {
    var uses: [Buffer: Int] = [:]
    for node in self {
      for buffer in node.body.touched { uses[buffer, default: 0] += 1 }
    }
    var result: [Node] = []
    var next = 0
    while next < count {
      if let (node, end) = TurnPlan.longest(self, from: next, uses: uses) {
        result.append(node)
        next = end
      } else {
        result.append(self[next])
        next += 1
      }
    }
    return result
  }
}
