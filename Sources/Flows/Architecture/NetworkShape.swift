/// The shape of a multi-layer perceptron, as a description states it.
public struct NetworkShape: Hashable, Sendable {
  /// The widths of the hidden layers.
  public var hiddenFeatures: [Int]
  /// The function between layers.
  public var activation: Activation
  /// Whether a masked network has residual blocks.
  public var residual: Bool
  /// Whether a plain network normalizes between layers.
  public var normalize: Bool

  /// Makes a shape with the defaults of Zuko.
  public init(
    hiddenFeatures: [Int] = [64, 64], activation: Activation = .relu, residual: Bool = false,
    normalize: Bool = false
  ) {
    self.hiddenFeatures = hiddenFeatures
    self.activation = activation
    self.residual = residual
    self.normalize = normalize
  }

  /// The hyper-network of this shape.
  var hyper: HyperNetwork {
    HyperNetwork(
      hiddenFeatures: hiddenFeatures, activation: activation, residual: residual,
      normalize: normalize)
  }

  /// The number of weights of such a network, without biases: the least that it can have.
  func weights(_ inputs: Size, _ outputs: Size) -> Size {
    let widths = [inputs] + hiddenFeatures.map { Size($0) } + [outputs]
    return zip(widths, widths.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 }
  }
}

extension HyperNetwork {
  /// The shape of the standard network.
  var shape: NetworkShape {
    NetworkShape(
      hiddenFeatures: hiddenFeatures, activation: activation, residual: residual,
      normalize: normalize)
  }
}
