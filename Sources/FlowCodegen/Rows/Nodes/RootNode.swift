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
  let lower: Double
  let upper: Double

  init(
    nodes: [Node], target: Buffer, state: Buffer, value: Buffer, slope: Buffer, lower: Double,
    upper: Double, context: LoweringContext
  ) {
    self.init(
      nodes: nodes, target: target, state: state,
      working: ["low", "high", "step", "past_x", "past_residual", "past_inverse"].map {
        context.makeBuffer(state.elements, $0)
      }, value: value, slope: slope, lower: lower, upper: upper)
  }

  private init(
    nodes: [Node], target: Buffer, state: Buffer, working: [Buffer], value: Buffer,
    slope: Buffer, lower: Double, upper: Double
  ) {
    self.nodes = nodes
    self.target = target
    self.state = state
    self.working = working
    self.value = value
    self.slope = slope
    self.lower = lower
    self.upper = upper
  }

  var items: Int { state.elements }
  func reads(of item: Int) -> [Span] { [Span(target, item..<item + 1)] }
  func writes(of item: Int) -> [Span] { [Span(state, item..<item + 1)] }
  var bodies: [[Node]] { [nodes] }
  var prepares: [Span] { [Span(state)] }
  var takes: [Span] { [Span(value), Span(slope)] }
  var canBeNarrow: Bool { false }

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
        let body = RootNode(
          nodes: stepped, target: target, state: state, working: working, value: self.value,
          slope: self.slope, lower: lower, upper: upper)
        return Stepped(body: body, steps: own)
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
  func cost(_ function: Function) -> NodeCost { NodeCost() }
  func summary(_ text: NodeText) -> String { "roots \(text.place(target)) -> \(text.place(state))" }
}
