import FlowIR

/// The solution of an ordinary differential equation: a loop of steps around the nodes of its
/// derivative.
///
/// Kernels steer the loop: they prepare what the derivative reads, take what it leaves, and decide
/// whether another round is needed. What they keep lies in buffers that live throughout the loop.
/// Where nothing is recorded or summed over rows, several tiles are solved together (`ODEGroup`).
struct ODESolveNode: NodeBody {
  /// The buffers of one state.
  struct State {
    /// The state.
    let x: Buffer
    /// The derivatives of all stages.
    let k: Buffer
    /// What the region takes: the state at a stage.
    let point: Buffer
    /// What the region yields.
    let derivative: Buffer
  }

  /// Elements of the kernels' control block.
  static let controlElements = 12
  /// The stages of a step, whose derivatives are kept.
  static let stages = 7

  let control: ODEControl
  let block: Buffer
  let start: Buffer
  let end: Buffer
  let time: Buffer
  let states: [State]
  /// Where accepted steps go; after their elements stands how many steps there are at most.
  let record: Buffer?
  let nodes: [Node]

  /// How many elements a step has in the record.
  var width: Int { 2 + states.reduce(0) { $0 + $1.x.elements } }

  func reads(of item: Int) -> [Span] { [Span(start), Span(end)] + states.map { Span($0.x) } }
  func writes(of item: Int) -> [Span] {
    states.map { Span($0.x) } + (record.map { [Span($0)] } ?? [])
  }
  var bodies: [[Node]] { [nodes] }
  var prepares: [Span] { [Span(time)] + states.map { Span($0.point) } }
  var takes: [Span] { states.map { Span($0.derivative) } }
  var working: [Buffer] { [block] + states.map(\.k) }
  var canBeNarrow: Bool { false }

  func label(_ function: Function) -> String { "ode solve" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost { NodeCost() }
  func summary(_ text: NodeText) -> String {
    let states = states.map { text.place($0.x) }.joined(separator: " ")
    return
      "ode solve \(text.place(start)) to \(text.place(end)), \(width - 2) elements at \(states), "
      + "at most \(control.steps) steps"
      + (record.map { ", recorded at \(text.place($0))" } ?? "")
  }
}
