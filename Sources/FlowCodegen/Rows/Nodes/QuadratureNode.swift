import FlowIR

/// A loop over the nodes of a quadrature rule, with sums of what its nodes leave; each element of
/// the point is an item.
struct QuadratureNode: NodeBody {
  /// A value that is summed.
  struct Sum {
    let value: Buffer
    let total: Buffer
    /// For each element, the step of an enclosing loop at which it is final.
    var steps: [Int] = []
  }

  var nodes: [Node]
  let count: Int
  let limits: (a: Buffer, b: Buffer)
  let point: Buffer
  let weight: Buffer
  var sums: [Sum]
  /// Whether all that the nodes leave is a multiple of the length, and the length is often 0: in the
  /// first evaluation of a search for a root, which starts at the limit.
  let canBeEmpty: Bool

  var items: Int { point.elements }
  func reads(of item: Int) -> [Span] {
    [Span(limits.a, item..<item + 1), Span(limits.b, item..<item + 1)]
  }
  /// The totals; an item's are those of its elements if each has as many.
  func writes(of item: Int) -> [Span] {
    sums.map { sum in
      let inner = sum.total.elements / point.elements
      return sum.total.elements % point.elements == 0
        ? Span(sum.total, item * inner..<(item + 1) * inner) : Span(sum.total)
    }
  }
  var bodies: [[Node]] { [nodes] }
  var prepares: [Span] { [Span(point), Span(weight)] }
  var takes: [Span] { sums.map { Span($0.value) } }

  /// What a node of the rule leaves is overwritten by the next, so all that leads from an element of
  /// the point to a total must run in one step; nil if it can't.
  func stepped(_ ready: Readiness) -> Stepped? {
    let (a, b) = (ready.steps(limits.a), ready.steps(limits.b))
    var own = a.indices.map { max(a[$0], b[$0]) }
    var stepped = nodes
    while true {
      for (element, step) in own.enumerated() {
        ready.raise(Span(point, element..<element + 1), to: step)
        ready.raise(Span(weight, element..<element + 1), to: step)
      }
      guard let found = nodes.stepped(ready) else { return nil }
      stepped = found
      var next = own
      for sum in sums where sum.value.elements % own.count == 0 {
        let inner = sum.value.elements / own.count
        for (element, step) in ready.steps(sum.value).enumerated() {
          next[element / inner] = max(next[element / inner], step)
        }
      }
      if next == own { break }
      own = next
    }
    guard runsTogether(stepped, own) else { return nil }
    var body = self
    body.nodes = stepped
    body.sums = sums.map { sum in
      var sum = sum
      sum.steps = ready.steps(sum.value)
      for (element, step) in sum.steps.enumerated() {
        ready.raise(Span(sum.total, element..<element + 1), to: step)
      }
      return sum
    }
    return Stepped(body: body, steps: own)
  }

  /// Whether every item that depends on the point runs at the step of the earliest element that it
  /// depends on: with the order of steps turned around, the latest is the earliest.
  private func runsTogether(_ nodes: [Node], _ own: [Int]) -> Bool {
    let turn = (own.max() ?? 0) + 1
    let turned = Readiness()
    for (element, step) in own.enumerated() {
      turned.raise(Span(point, element..<element + 1), to: turn - step)
      turned.raise(Span(weight, element..<element + 1), to: turn - step)
    }
    for node in nodes {
      guard node.body.bodies.isEmpty, let found = node.body.stepped(turned) else { return false }
      for (latest, step) in zip(found.steps, node.itemSteps)
      where latest > 0 && turn - latest != step {
        return false
      }
    }
    return true
  }

  func firstEarlyItem(_ steps: [Int], _ ready: Readiness) -> Int? {
    for (element, step) in steps.enumerated() {
      ready.raise(Span(point, element..<element + 1), to: step)
      ready.raise(Span(weight, element..<element + 1), to: step)
    }
    let isInnerEarly = nodes.contains {
      $0.body.firstEarlyItem($0.itemSteps, ready) != nil
    }
    if isInnerEarly { return steps.indices.first }
    for sum in sums {
      for (element, step) in sum.steps.enumerated() {
        if ready.step(of: Span(sum.value, element..<element + 1)) > step {
          return min(element / max(1, sum.total.elements / items), items - 1)
        }
        ready.raise(Span(sum.total, element..<element + 1), to: step)
      }
    }
    return steps.indices.first { item in
      reads(of: item).contains { ready.step(of: $0) > steps[item] }
    }
  }

  func label(_ function: Function) -> String { "quadrature of \(count) nodes" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost { NodeCost() }
  func summary(_ text: NodeText) -> String {
    let totals = sums.map { text.place($0.total) }.joined(separator: " ")
    return "quadrature of \(count) nodes \(text.place(limits.a)) to \(text.place(limits.b))"
      + (totals.isEmpty ? "" : " -> \(totals)")
  }
}
