/// The arguments of `MADE` and `ResidualNet`: networks of blocks of one width, as nflows has them.
public struct BlockNetwork: Hashable, Sendable {
  /// The width of the hidden layers.
  public var hiddenFeatures: Int
  /// The number of blocks.
  public var blocks: Int
  /// Whether a block adds two layers to its input; else it is one layer. Those of `ResidualNet` add.
  public var residual: Bool
  /// The function before the layers of a residual block, and after the layer of another.
  public var activation: Activation
  /// Whether `MADE` applies the function to what the context adds to its first layer, and to that layer
  /// before blocks that do not add; the `MADE` of nflows' mixtures does not.
  public var activatesFirst: Bool
  /// Whether the context gates the residual blocks of `MADE` instead of being added in them; those of
  /// `ResidualNet` it gates.
  public var gated: Bool
  /// Whether a block normalises with the statistics of its training.
  public var batchNorm: Bool
  /// The inputs, the context not counted, that stand for places on a circle: see `PeriodicFeatures`.
  public var periodic: [Int] = []

  /// Makes arguments with the defaults of nflows.
  public init(
    hiddenFeatures: Int = 64, blocks: Int = 2, residual: Bool = true,
    activation: Activation = .relu,
    activatesFirst: Bool = true, gated: Bool = false, batchNorm: Bool = false
  ) {
    self.hiddenFeatures = hiddenFeatures
    self.blocks = blocks
    self.residual = residual
    self.activation = activation
    self.activatesFirst = activatesFirst
    self.gated = gated
    self.batchNorm = batchNorm
  }
}

/// Normalises each element by the statistics of the training, `(x - mean) / sqrt(variance + eps)`, and
/// scales and shifts it.
public struct BatchNorm: Layer {
  private let weight: Parameter
  private let bias: Parameter
  private let mean: Parameter
  private let variance: Parameter
  private let epsilon: Double
  private let path: String

  /// Registers the parameters `weight` and `bias` and the buffers `running_mean` and `running_var`.
  public init(_ features: Int, epsilon: Double = 1e-3, in scope: ModuleScope) {
    weight = scope.parameter("weight", [features], initializer: .ones)
    bias = scope.parameter("bias", [features], initializer: .zeros)
    mean = scope.buffer("running_mean", [features], initializer: .zeros)
    variance = scope.buffer("running_var", [features], initializer: .ones)
    self.epsilon = epsilon
    path = scope.path
  }

  /// The normalised elements of the last axis.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.trace.inScope(path) {
      (x - mean.tensor) * (weight.tensor / sqrt(variance.tensor + epsilon)) + bias.tensor
    }
  }
}

/// A network of residual blocks whose outputs a context gates (Durkan et al., "Neural Spline Flows",
/// 2019, arXiv:1906.04032), with the names that nflows gives its parameters.
///
/// The context is a part of the input and of each block:
/// `x + second(act(first(act(x)))) · sigmoid(gate(context))`.
public struct ResidualNet: Layer {
  private struct Block {
    let norms: [BatchNorm]
    let first: Linear
    let second: Linear
    let gate: Linear?
  }

  private let context: Int
  private let activation: Activation
  private let preprocessing: PeriodicFeatures?
  private let initial: Linear
  private let blocks: [Block]
  private let final: Linear

  /// Registers `initial_layer`, the layers of `blocks.0`, `blocks.1`, … and `final_layer`.
  ///
  /// - Parameters:
  ///   - inputs: the number of inputs, the context included.
  ///   - outputs: the number of outputs.
  ///   - context: how many of the inputs, the last ones, are the context.
  ///   - shape: the blocks.
  ///   - scope: where they are registered.
  public init(
    _ inputs: Int, _ outputs: Int, context: Int = 0, shape: BlockNetwork = BlockNetwork(),
    in scope: ModuleScope
  ) {
    let width = shape.hiddenFeatures
    self.context = context
    activation = shape.activation
    preprocessing = shape.preprocessing(inputs - context, in: scope)
    initial = Linear(inputs, width, in: scope.child("initial_layer"))
    blocks = (0..<shape.blocks).map { index in
      let place = scope.child("blocks").child("\(index)")
      let layers = place.child("linear_layers")
      return Block(
        norms: shape.norms(in: place),
        first: Linear(width, width, in: layers.child("0")),
        second: Linear(width, width, in: layers.child("1")),
        gate: context > 0 ? Linear(context, width, in: place.child("context_layer")) : nil)
    }
    final = Linear(width, outputs, in: scope.child("final_layer"))
  }

  /// The outputs for inputs along the last axis, the context last.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let inputs = x.shape.last ?? 0
    let condition = context > 0 ? x.slice(inputs - context, inputs) : nil
    var input = x
    if let preprocessing {
      let turned = preprocessing(x.slice(0, inputs - context))
      input = condition.map { Tensor.concatenate([turned, $0]) } ?? turned
    }
    var h = initial(input)
    for block in blocks {
      var change = block.first(activation(block.norms.first?(h) ?? h))
      change = block.second(activation(block.norms.last?(change) ?? change))
      if let gate = block.gate, let condition { change = change * sigmoid(gate(condition)) }
      h = h + change
    }
    return final(h)
  }
}

extension BlockNetwork {
  /// The layer before the network, `preprocessing`; nil for none.
  func preprocessing(_ inputs: Int, in scope: ModuleScope) -> PeriodicFeatures? {
    periodic.isEmpty
      ? nil : PeriodicFeatures(inputs, indices: periodic, in: scope.child("preprocessing"))
  }

  /// The two normalisations of a residual block; none if it has none.
  func norms(in block: ModuleScope) -> [BatchNorm] {
    guard batchNorm else { return [] }
    let place = block.child("batch_norm_layers")
    return (0..<2).map { BatchNorm(hiddenFeatures, in: place.child("\($0)")) }
  }
}
