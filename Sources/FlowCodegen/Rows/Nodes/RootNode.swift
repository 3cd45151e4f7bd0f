import FlowIR

/// A search for the roots of functions that nodes evaluate, until all lanes of the tile are done;
/// each element is an item.
struct RootNode: NodeBody {
  let nodes: [Node]
  let target: Buffer
  /// The points at which the functions are evaluated; when the search ends, the roots.
  let state: Buffer
  /// The bracket, the last step, and the point before with its residual and inverse slope.
  let working: [Buffer]
  let value: Buffer
  let slope: Buffer
  let domain: (lower: Double, upper: Double)
  /// The table from which the search starts, if the functions are the same for all rows.
  let inverse: InverseTable?
  /// How the rows that are not done gather in one vector; nil if they stay where they are.
  private(set) var gathering: RootGathering?
  /// The instructions for a vector of rows in an evaluation; nil if the nodes need whole tiles.
  private let instructions: Int?

  init(
    nodes: [Node], target: Buffer, state: Buffer, value: Buffer, slope: Buffer,
    domain: (lower: Double, upper: Double), inverse: InverseTable?, context: LoweringContext
  ) {
    self.nodes = nodes
    self.target = target
    self.state = state
    self.value = value
    self.slope = slope
    self.domain = domain
    self.inverse = inverse
    working = ["low", "high", "step", "past_x", "past_residual", "past_inverse"].map {
      context.makeBuffer(state.elements, $0)
    }
    instructions = RootGathering.instructions(nodes, context.views)
    // Elements that leave the loop one by one do so in whole vectors.
    gathering =
      elementsAreApart
      ? nil : RootGathering(self, instructions, steps: Array(repeating: 0, count: items))
  }

  /// The same search with nodes whose items, as the search's own, run in steps.
  private init(_ search: RootNode, nodes: [Node], steps: [Int]) {
    self.nodes = nodes
    target = search.target
    state = search.state
    working = search.working
    value = search.value
    slope = search.slope
    domain = search.domain
    inverse = search.inverse
    instructions = search.instructions
    gathering = RootGathering(self, instructions, steps: steps)
  }

  /// Whether each element's function is an item of one group, so that elements that are done can leave
  /// the loop.
  var elementsAreApart: Bool {
    guard nodes.count == 1, let group = nodes[0].body as? GroupNode, group.extent == items,
      items > 1, items <= 1024, group.sums.isEmpty
    else { return false }
    return (0..<items).allSatisfy { item in
      group.reads(of: item).allSatisfy { $0.buffer != state || $0.elements == item..<item + 1 }
        && group.writes(of: item).allSatisfy { span in
          ![value, slope].contains(span.buffer) || span.elements == item..<item + 1
        }
    }
  }

  var items: Int { state.elements }
  func reads(of item: Int) -> [Span] { [Span(target, item..<item + 1)] }
  func writes(of item: Int) -> [Span] { [Span(state, item..<item + 1)] }
  var bodies: [[Node]] { [nodes] }
  var inverses: [Int] { inverse.map { [$0.number] } ?? [] }
  var prepares: [Span] { [Span(state)] }
  var takes: [Span] { [Span(value), Span(slope)] }

  /// An element's root is searched in one step: when its target and all that its function needs are
  /// final. What the function computes for it runs in that step too.
  func stepped(_ ready: Readiness) -> Stepped? {
    var own = ready.steps(target)
    while true {
      for (element, step) in own.enumerated() {
        ready.raise(Span(state, element..<element + 1), to: step)
      }
      guard let stepped = nodes.stepped(ready) else { return nil }
      let (value, slope) = (ready.steps(value), ready.steps(slope))
      let found = own.indices.map { max(own[$0], value[$0], slope[$0]) }
      if found == own {
        return Stepped(body: RootNode(self, nodes: stepped, steps: own), steps: own)
      }
      own = found
    }
  }

  func firstEarlyItem(_ steps: [Int], _ ready: Readiness) -> Int? {
    for (element, step) in steps.enumerated() {
      ready.raise(Span(state, element..<element + 1), to: step)
    }
    let isInnerEarly = nodes.contains {
      $0.body.firstEarlyItem($0.itemSteps, ready) != nil
    }
    if isInnerEarly { return steps.indices.first }
    return steps.indices.first { element in
      [target, value, slope].contains {
        ready.step(of: Span($0, element..<element + 1)) > steps[element]
      }
    }
  }

  func label(_ function: Function) -> String { "roots of \(state.elements)" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost { NodeCost() }
  func summary(_ text: NodeText) -> String {
    let start = inverse.map { " from inverse \($0.number)" } ?? ""
    return "roots \(text.place(target))\(start) -> \(text.place(state))"
      + (gathering?.summary ?? "")
  }
}
