/// A minimum cut of a directed graph, by Dinic's algorithm.
struct MinimumCut {
  /// More than any sum of capacities.
  static let unlimited = Int.max / 4

  private struct Edge {
    let target: Int
    var capacity: Int
  }

  /// Edges in pairs, each beside its reverse.
  private var edges: [Edge] = []
  private var leaving: [[Int]]

  init(nodes: Int) { leaving = Array(repeating: [], count: nodes) }

  mutating func connect(_ from: Int, _ to: Int, _ capacity: Int) {
    leaving[from].append(edges.count)
    edges.append(Edge(target: to, capacity: capacity))
    leaving[to].append(edges.count)
    edges.append(Edge(target: from, capacity: 0))
  }

  /// Whether each node is on the source's side of a minimum cut; of all such sides the smallest.
  mutating func side(source: Int, sink: Int) -> [Bool] {
    while true {
      let levels = levels(from: source)
      guard levels[sink] >= 0 else { return levels.map { $0 >= 0 } }
      var next = [Int](repeating: 0, count: leaving.count)
      while push(from: source, to: sink, levels, &next) {}
    }
  }

  /// How many edges with capacity lead to each node; -1 for nodes out of reach.
  private func levels(from source: Int) -> [Int] {
    var levels = [Int](repeating: -1, count: leaving.count)
    levels[source] = 0
    var queue = [source]
    var first = 0
    while first < queue.count {
      let node = queue[first]
      first += 1
      for edge in leaving[node] where edges[edge].capacity > 0 && levels[edges[edge].target] < 0 {
        levels[edges[edge].target] = levels[node] + 1
        queue.append(edges[edge].target)
      }
    }
    return levels
  }

  /// Sends as much as fits along one path through rising levels; false if there is none.
  private mutating func push(
    from source: Int, to sink: Int, _ levels: [Int], _ next: inout [Int]
  ) -> Bool {
    var path: [Int] = []
    var node = source
    while node != sink {
      if next[node] < leaving[node].count {
        let edge = leaving[node][next[node]]
        if edges[edge].capacity > 0, levels[edges[edge].target] == levels[node] + 1 {
          path.append(edge)
          node = edges[edge].target
        } else {
          next[node] += 1
        }
      } else {
        guard let last = path.popLast() else { return false }
        node = edges[last ^ 1].target
        next[node] += 1
      }
    }
    let amount = path.map { edges[$0].capacity }.min() ?? 0
    for edge in path {
      edges[edge].capacity -= amount
      edges[edge ^ 1].capacity += amount
    }
    return true
  }
}
