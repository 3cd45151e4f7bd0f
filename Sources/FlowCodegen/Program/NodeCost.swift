import FlowIR

/// The work that a node does for one row.
struct NodeCost {
  /// Floating-point operations of the products that run: two for each weight.
  var flop = 0
  /// Floating-point operations of products without masked weights: two for each that is left.
  var nonzeroFLOP = 0
  /// The vector instructions that the pointwise work takes in the multiply-add units, for each lane.
  var instructions = 0
  /// Divisions and square roots.
  var divisions = 0
  /// Bytes of inputs and results.
  var bytes = 0

  /// Adds what a row's elements of an operation take that stands alone.
  mutating func add(
    _ operation: TensorOperation, _ function: Function, on set: InstructionSet = .planned
  ) {
    let cost = operation.cost(in: function, on: set)
    instructions += cost.instructions
    divisions += cost.divisions
  }
}
