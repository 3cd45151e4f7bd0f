import FlowIR

/// A loop around the nodes of a structured operation's regions.
///
/// Kernels steer the loop: they prepare what a region reads, take what it leaves, and decide
/// whether another round is needed. The kernels keep what they need in buffers of their own, which
/// like those of the nodes within live throughout the loop.
final class LoopNode {
  enum Control {
    case odeSolve(ODESolveLoop)
    case odeAdjoint(ODEAdjointLoop)

    /// The buffers that the kernels use.
    var buffers: [Buffer] {
      switch self {
      case .odeSolve(let loop): loop.buffers
      case .odeAdjoint(let loop): loop.buffers
      }
    }

    /// What the loop does, in a line.
    var summary: String {
      switch self {
      case .odeSolve(let loop):
        "ode solve, \(loop.states.reduce(0) { $0 + $1.x.elements }) elements, at most "
          + "\(loop.control.steps) steps" + (loop.record == nil ? "" : ", recorded")
      case .odeAdjoint(let loop):
        "ode adjoint, \(loop.states.reduce(0) { $0 + $1.cotangent.elements }) elements"
      }
    }
  }

  let control: Control
  /// The nodes of each region.
  let bodies: [[Node]]

  init(_ control: Control, bodies: [[Node]]) {
    self.control = control
    self.bodies = bodies
  }
}

/// The buffers of an ODE's solution.
struct ODESolveLoop {
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
  static let controlElements = 7

  let control: ODEControl
  let block: Buffer
  let start: Buffer
  let end: Buffer
  let time: Buffer
  let states: [State]
  /// Where accepted steps go; after their elements stands how many steps there are at most.
  let record: Buffer?

  var buffers: [Buffer] {
    [block, start, end, time] + states.flatMap { [$0.x, $0.k, $0.point, $0.derivative] }
      + (record.map { [$0] } ?? [])
  }
}

/// The buffers of the adjoint of an ODE's solution.
struct ODEAdjointLoop {
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

  let steps: Int
  let block: Buffer
  let time: Buffer
  let adjointTime: Buffer
  let record: Buffer
  let states: [State]
  /// Row values that the second region yields, and their sums.
  let sums: [(part: Buffer, sum: Buffer)]
  /// The reductions that the second region adds to.
  let reductions: [Int]

  /// How many elements a step has in the record.
  var width: Int { 2 + states.reduce(0) { $0 + $1.cotangent.elements } }

  var buffers: [Buffer] {
    [block, time, adjointTime, record]
      + states.flatMap {
        [$0.k, $0.point, $0.derivative, $0.adjointPoint, $0.seed, $0.pulled, $0.h, $0.cotangent]
      } + sums.flatMap { [$0.part, $0.sum] }
  }
}
