import FlowIR

/// The adjoint of an ODE's solution: the recorded steps from the last to the first, with the first
/// region's nodes to find the states of a step's stages and the second's to pull cotangents back.
struct ODEAdjointNode: NodeBody {
  /// The buffers of one state.
  struct State {
    /// The derivatives of all stages.
    let k: Buffer
    /// The state at a stage, as the first region takes it.
    let point: Buffer
    /// What the first region yields.
    let derivative: Buffer
    /// The state at a stage, as the second region takes it.
    let adjointPoint: Buffer
    /// The cotangent of the derivative that the second region takes.
    let seed: Buffer
    /// What the second region yields: the cotangent of the state at the stage.
    let pulled: Buffer
    /// `pulled` of all stages.
    let h: Buffer
    /// The cotangent of the state.
    let cotangent: Buffer
  }

  /// A row value that the second region yields, and its sum over steps and stages.
  struct Sum {
    let part: Buffer
    let total: Buffer
  }

  /// Stages whose derivatives give the states of the others.
  static let forwardStages = 5
  /// Stages that cotangents are pulled back through: the last of seven is the next step's first.
  static let backwardStages = 6

  let steps: Int
  let block: Buffer
  let time: Buffer
  let adjointTime: Buffer
  let record: Buffer
  let states: [State]
  let sums: [Sum]
  /// The reductions that the second region adds to.
  let innerReductions: [Int]
  let dynamics: [Node]
  let adjoint: [Node]

  /// How many elements a step has in the record.
  var width: Int { 2 + states.reduce(0) { $0 + $1.cotangent.elements } }

  func reads(of item: Int) -> [Span] { [Span(record)] + states.map { Span($0.cotangent) } }
  func writes(of item: Int) -> [Span] {
    states.map { Span($0.cotangent) } + sums.map { Span($0.total) }
  }
  var bodies: [[Node]] { [dynamics, adjoint] }
  var prepares: [Span] {
    [Span(time), Span(adjointTime)]
      + states.flatMap { [Span($0.point), Span($0.adjointPoint), Span($0.seed)] }
  }
  var takes: [Span] {
    states.flatMap { [Span($0.derivative), Span($0.pulled)] } + sums.map { Span($0.part) }
  }
  var working: [Buffer] { [block] + states.flatMap { [$0.k, $0.h] } }
  var canBeNarrow: Bool { false }

  func label(_ function: Function) -> String { "ode adjoint" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost { NodeCost() }
  func summary(_ text: NodeText) -> String {
    let states = states.map { text.place($0.cotangent) }.joined(separator: " ")
    let totals = sums.map { text.place($0.total) }.joined(separator: " ")
    return "ode adjoint of \(text.place(record)), \(width - 2) elements at \(states)"
      + (totals.isEmpty ? "" : " sums \(totals)")
  }
}
