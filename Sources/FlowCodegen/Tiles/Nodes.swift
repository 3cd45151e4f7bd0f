import FlowIR

/// One step of a tile's work.
final class Node {
  enum Kind {
    /// Rows of an argument into a buffer, from element `offset` on.
    case load(argument: Int, into: Buffer, offset: Int)
    /// Elements from other buffers, uniform values or constants.
    case copy([CopyRun], into: Buffer)
    case linear(LinearNode)
    case group(GroupNode)
    case weightGradient(WeightGradientNode)
    case solve(SolveNode)
    /// Random elements of the given distribution.
    case random(RandomDistribution, stream: Int, seed: Value, into: Buffer)
    case steps(StepsNode)
    case loop(LoopNode)
    case root(RootNode)
    case quadrature(QuadratureNode)
    /// A buffer's rows to a result.
    case store(Buffer, result: Int)
    /// A buffer's sums over rows to a reduction.
    case rowSum(Buffer, reduction: Int)
  }

  let kind: Kind
  let scope: Scope
  /// For each item (panel, loop index, run), the step of an enclosing loop at which it is final.
  var itemSteps: [Int] = []

  init(_ kind: Kind, scope: Scope) {
    self.kind = kind
    self.scope = scope
  }
}

/// Consecutive elements of a copy.
struct CopyRun {
  enum Source {
    case buffer(Buffer, Int)
    case uniform(Value, Int)
    case constant(Double)
  }
  var source: Source
  var target: Int
  var count: Int
}

/// A linear layer on one tile, with the pointwise operations that follow it in registers.
final class LinearNode {
  let input: Buffer
  let output: Buffer
  let layout: PanelLayout
  let mask: Mask?
  let pack: Int
  /// How many input vectors are multiplied, one after the other.
  let repeats: Int
  let inputs: Int
  let outputs: Int
  let product: Value
  let epilogue: [Operation]
  let result: Value
  /// A second value that the epilogue reads, at the element being written.
  let extra: (value: Value, buffer: Buffer)?

  init(
    input: Buffer, output: Buffer, layout: PanelLayout, mask: Mask?, pack: Int, repeats: Int,
    inputs: Int, outputs: Int, product: Value, epilogue: [Operation], result: Value,
    extra: (value: Value, buffer: Buffer)?
  ) {
    self.input = input
    self.output = output
    self.layout = layout
    self.mask = mask
    self.pack = pack
    self.repeats = repeats
    self.inputs = inputs
    self.outputs = outputs
    self.product = product
    self.epilogue = epilogue
    self.result = result
    self.extra = extra
  }
}

/// Fused pointwise, reduction and search operations under one loop over `extent` items.
final class GroupNode {
  let extent: Int
  var operations: [Operation] = []
  /// Values that leave the group: each element's place in a buffer, or -1.
  var stores: [(value: Value, buffer: Buffer, map: [Int])] = []
  /// Reductions over the loop itself, accumulated in a buffer.
  var sums: [Value: (buffer: Buffer, reduction: Reduction)] = [:]
  /// The buffers of values that other nodes made.
  var sources: [Value: Buffer] = [:]
  /// Operands that are read through a buffer of their own, because their view is no simple index.
  var viewBuffers: [Value: Buffer] = [:]
  /// The elements of buffers that each item of the loop reads.
  var reads: [(buffer: Buffer, items: [[Int]])] = []

  init(extent: Int) { self.extent = extent }
}

/// The gradient of a weight matrix, summed over the tile's rows into a reduction.
final class WeightGradientNode {
  let gradient: Buffer
  let input: Buffer
  let transposed: Buffer
  let layout: PanelLayout
  let outputs: Int
  let inputs: Int
  /// How many numbers the transposed input, and the gradient, have to a row.
  let stride: Int
  let reduction: Int

  /// Whole vectors of the widest machine, so that one plan serves all. Long rows are an odd number
  /// of them: at a distance of a power of two all rows would share a few lines of the first cache.
  static func stride(inputs: Int) -> Int {
    let vectors = (inputs + 15) / 16
    return 16 * (vectors >= 8 ? vectors | 1 : vectors)
  }

  init(
    gradient: Buffer, input: Buffer, transposed: Buffer, layout: PanelLayout, outputs: Int,
    inputs: Int, stride: Int, reduction: Int
  ) {
    self.gradient = gradient
    self.input = input
    self.transposed = transposed
    self.layout = layout
    self.outputs = outputs
    self.inputs = inputs
    self.stride = stride
    self.reduction = reduction
  }
}

/// Triangular systems, one vector after the other.
final class SolveNode {
  enum Matrix {
    case uniform(Value)
    case rows(Buffer)
  }

  let matrix: Matrix
  let input: Buffer
  let output: Buffer
  let vectors: Int
  let size: Int
  /// Whether all vectors have the same matrix.
  let isShared: Bool
  let upper: Bool
  let unit: Bool

  init(
    matrix: Matrix, input: Buffer, output: Buffer, vectors: Int, size: Int, isShared: Bool,
    upper: Bool, unit: Bool
  ) {
    self.matrix = matrix
    self.input = input
    self.output = output
    self.vectors = vectors
    self.size = size
    self.isShared = isShared
    self.upper = upper
    self.unit = unit
  }
}

/// A loop over the steps of a triangular inverse.
///
/// If it is incremental, each item of each node runs in exactly one step, once what it reads is
/// final; otherwise all nodes run in each of `steps` passes.
final class StepsNode {
  let nodes: [Node]
  let steps: Int
  let isIncremental: Bool
  /// The fixed point.
  let state: Buffer
  /// Where a pass leaves the new state; the same memory as `state` if the loop is incremental.
  let next: Buffer

  init(nodes: [Node], steps: Int, isIncremental: Bool, state: Buffer, next: Buffer) {
    self.nodes = nodes
    self.steps = steps
    self.isIncremental = isIncremental
    self.state = state
    self.next = next
  }
}

/// A search for the roots of functions that nodes evaluate, until all lanes of the tile are done.
///
/// Within a loop over steps, `itemSteps` of the node says at which step each element is searched.
final class RootNode {
  let nodes: [Node]
  let target: Buffer
  /// Where the functions are evaluated; the roots in the end.
  let state: Buffer
  let low: Buffer
  let high: Buffer
  let step: Buffer
  let value: Buffer
  let slope: Buffer
  let lower: Double
  let upper: Double

  init(
    nodes: [Node], target: Buffer, state: Buffer, value: Buffer, slope: Buffer, lower: Double,
    upper: Double, context: LoweringContext
  ) {
    self.nodes = nodes
    self.target = target
    self.state = state
    self.value = value
    self.slope = slope
    self.lower = lower
    self.upper = upper
    low = context.makeBuffer(state.elements, "low")
    high = context.makeBuffer(state.elements, "high")
    step = context.makeBuffer(state.elements, "step")
  }
}

/// A loop over the nodes of a quadrature, with sums of what the nodes of the program leave.
///
/// Within a loop over steps, `itemSteps` of the node says at which step each element of the point
/// is set.
final class QuadratureNode {
  /// A value that is summed.
  final class Sum {
    let value: Buffer
    let total: Buffer
    /// For each element, the step of an enclosing loop at which it is final.
    var steps: [Int] = []

    init(value: Buffer, total: Buffer) {
      self.value = value
      self.total = total
    }
  }

  let nodes: [Node]
  let count: Int
  let limits: (a: Buffer, b: Buffer)
  let point: Buffer
  let weight: Buffer
  let sums: [Sum]

  init(
    nodes: [Node], count: Int, limits: (a: Buffer, b: Buffer), point: Buffer, weight: Buffer,
    sums: [Sum]
  ) {
    self.nodes = nodes
    self.count = count
    self.limits = limits
    self.point = point
    self.weight = weight
    self.sums = sums
  }
}

extension Node {
  /// The nodes of the loop that this node is, if it is one.
  var inner: [Node] {
    switch kind {
    case .steps(let steps): steps.nodes
    case .root(let root): root.nodes
    case .quadrature(let quadrature): quadrature.nodes
    case .loop(let loop): loop.bodies.flatMap { $0 }
    case .load, .copy, .linear, .group, .weightGradient, .random, .store, .rowSum, .solve: []
    }
  }

  /// The node and all within it.
  var all: [Node] { [self] + inner.flatMap(\.all) }
}

/// A sum over all rows that a row phase makes.
struct RowReduction {
  enum Kind {
    /// Element sums of a row value.
    case rowSum
    /// A weight gradient in blocks; `stride` numbers to an output.
    case weightGradient(PanelLayout, mask: Mask?, stride: Int, inputs: Int)
  }
  let kind: Kind
  let value: Value
  let elements: Int
}
