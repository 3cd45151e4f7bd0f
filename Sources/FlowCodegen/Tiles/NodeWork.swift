import FlowIR

/// What a node of a tile program does for one row.
public struct NodeWork: Sendable {
  /// What it is, in a few words.
  public let label: String
  /// The part of the model that made it.
  public let scope: String
  /// How many loops it stands in.
  public let depth: Int
  /// How often it is called for its items to be computed once: the steps of an incremental loop.
  public let callsPerPass: Int
  /// Operations of products, two for each weight: those that run.
  public var flop = 0
  /// Two for each weight that is not zero.
  public var nonzeroFLOP = 0
  /// Vector instructions of pointwise work, for each number in a lane; roughly.
  public var instructions = 0
  /// Divisions and square roots.
  public var divisions = 0
  /// Bytes of inputs and results.
  public var bytes = 0

  init(_ node: Node, _ program: TileProgram, depth: Int, callsPerPass: Int) {
    self.depth = depth
    self.callsPerPass = callsPerPass
    scope = node.scope.path
    let function = program.function
    let size = program.dtype == .f64 ? 8 : 4
    switch node.kind {
    case .load(let argument, let buffer, _):
      label = "load \(function.arguments[argument].name)"
      bytes = buffer.elements * size
    case .store(let buffer, let result):
      label = "store \(function.results[result].name)"
      bytes = buffer.elements * size
    case .copy(let runs, _):
      let count = runs.reduce(0) { $0 + $1.count }
      label = "copy \(count) elements"
      instructions = 2 * count
    case .linear(let linear):
      label = "linear \(linear.outputs) x \(linear.inputs)"
      let weights = linear.layout.panels.reduce(0) { $0 + $1.rows * $1.k }
      flop = 2 * linear.repeats * weights
      nonzeroFLOP = 2 * linear.repeats * (linear.mask?.count ?? weights)
      count(linear.epilogue, function)
    case .weightGradient(let gradient):
      label = "weight gradient \(gradient.outputs) x \(gradient.inputs)"
      flop = 2 * gradient.layout.panels.reduce(0) { $0 + $1.rows * $1.k }
      nonzeroFLOP = flop
    case .solve(let solve):
      label = "solve \(solve.vectors) x \(solve.size)"
      flop = solve.vectors * solve.size * (solve.size - 1)
      nonzeroFLOP = flop
    case .group(let group):
      label = "group of \(group.extent), \(group.operations.count) operations"
      count(group.operations, function)
    case .random(let distribution, _, _, let buffer):
      label = "random \(distribution.rawValue)"
      // Ten rounds of Philox make four words; Box and Muller's formula makes two numbers of two.
      instructions = buffer.elements * (distribution == .normal ? 45 : 25)
    case .rowSum(let buffer, _):
      label = "sum rows of \(buffer.elements)"
      instructions = 2 * buffer.elements
    case .steps(let steps): label = "steps \(steps.steps)"
    case .loop(let loop):
      switch loop.control {
      case .odeSolve: label = "ode solve"
      case .odeAdjoint: label = "ode adjoint"
      }
    case .root(let root): label = "roots of \(root.state.elements)"
    case .quadrature(let quadrature): label = "quadrature of \(quadrature.count) nodes"
    }
  }

  private mutating func count(_ operations: [Operation], _ function: Function) {
    for operation in operations {
      let work = operation.vectorWork(function)
      instructions += work.instructions
      divisions += work.divisions
    }
  }
}

extension TileProgram {
  /// What each node does, loops before what is within, in the order in which they run.
  public var work: [NodeWork] {
    func visit(_ nodes: [Node], _ depth: Int, _ calls: Int) -> [NodeWork] {
      nodes.flatMap { node -> [NodeWork] in
        var inner = calls
        if case .steps(let steps) = node.kind, steps.isIncremental { inner = steps.steps }
        return [NodeWork(node, self, depth: depth, callsPerPass: calls)]
          + visit(node.inner, depth + 1, inner)
      }
    }
    return phases.flatMap { visit($0.nodes, 0, 1) }
  }
}

extension Operation {
  /// How many vector instructions and divisions a row's elements take at least, roughly: counted in
  /// `fk_math.h`.
  fileprivate func vectorWork(_ function: Function) -> (instructions: Int, divisions: Int) {
    let count = results.first.map { function.type(of: $0).elementCount } ?? 0
    let operand = operands.first.map { function.type(of: $0).elementCount } ?? 0
    switch opcode {
    case .unary(let unary): return (count * unary.instructions, unary.divides ? count : 0)
    case .binary(.divide): return (0, count)
    case .binary(.power): return (40 * count, 0)
    case .binary, .compare, .select, .convert: return (count, 0)
    case .reduce, .cumulativeSum, .search, .take: return (operand, 0)
    case .constant, .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather,
      .scatterAdd, .linear, .linearWeightGradient, .matmul, .matrixExponential, .cholesky,
      .triangularSolve, .rowSum, .rowCount, .random, .autoregressiveInverse, .odeSolve,
      .odeAdjoint, .monotoneRoot, .quadrature:
      return (0, 0)
    }
  }
}

extension UnaryOperator {
  fileprivate var instructions: Int {
    switch self {
    case .reciprocal, .sqrt, .rsqrt: 0
    case .negate, .absolute, .square, .relu, .floor, .isNaN, .isFinite, .not: 1
    case .sign: 4
    case .exp: 14
    case .sigmoid: 17
    case .expm1, .log, .log1p: 20
    case .tanh, .sin, .cos, .asin, .erf: 25
    case .erfc: 50
    case .softplus: 36
    }
  }

  /// Whether it takes a division or a square root.
  fileprivate var divides: Bool {
    switch self {
    case .reciprocal, .sqrt, .rsqrt, .tanh, .sigmoid, .erfc: true
    case .negate, .absolute, .square, .relu, .floor, .isNaN, .isFinite, .not, .sign, .exp, .expm1,
      .log, .log1p, .sin, .cos, .asin, .erf, .softplus:
      false
    }
  }
}
