import FlowIR

/// What a node of a tile program does for one row.
public struct NodeWork: Sendable {
  /// What it is, in a few words.
  public let label: String
  /// The part of the model that made it.
  public let scope: String
  /// How many loops it stands in.
  public let depth: Int
  /// Whether it solves a differential equation.
  public let isODE: Bool
  /// How often it is called in one pass over its items: once for each step of an incremental loop.
  public let callsPerPass: Int
  /// Floating-point operations of the products that run: two for each weight.
  public let flop: Int
  /// Floating-point operations of products without masked weights: two for each that is left.
  public let nonzeroFLOP: Int
  /// The vector instructions that the pointwise work takes in the multiply-add units, for each lane.
  public let instructions: Int
  /// Divisions and square roots.
  public let divisions: Int
  /// Bytes of inputs and results.
  public let bytes: Int

  init(_ node: Node, _ views: Views, on set: InstructionSet, depth: Int, callsPerPass: Int) {
    let cost = node.body.cost(views, on: set)
    label = node.body.label(views.function)
    scope = node.scope.path
    isODE = node.body is ODESolveNode
    self.depth = depth
    self.callsPerPass = callsPerPass
    flop = cost.flop
    nonzeroFLOP = cost.nonzeroFLOP
    instructions = cost.instructions
    divisions = cost.divisions
    bytes = cost.bytes
  }
}

extension TileProgram {
  /// The work of each node, in the instructions of a set, in the order in which they run; a loop comes before the
  /// nodes within it.
  public func work(on set: InstructionSet) -> [NodeWork] {
    func visit(_ nodes: [Node], _ depth: Int, _ calls: Int) -> [NodeWork] {
      nodes.flatMap { node in
        [NodeWork(node, views, on: set, depth: depth, callsPerPass: calls)]
          + visit(node.body.inner, depth + 1, max(calls, node.body.calls))
      }
    }
    return phases.flatMap { visit($0.nodes, 0, 1) }
  }
}
