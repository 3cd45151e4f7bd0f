/// A multi-layer perceptron, or a stack of them on a stack of vectors.
public struct MLP: Layer {
  /// The linear layers, from the inputs to the outputs.
  public let layers: [Linear]
  /// The function between two layers.
  public let activation: Activation
  /// The layer after each activation, if the network normalises.
  public let norm: LayerNorm?

  /// Registers linear layers under Zuko's names: `0`, `2`, `4`, … (`0`, `3`, `6`, … with
  /// `normalize`, since the activations and normalisations between them are counted). With `stack`
  /// there are that many networks, each acting on its own row of inputs [stack, in].
  public init(
    _ inputs: Int, _ outputs: Int, hiddenFeatures: [Int] = [64, 64],
    activation: Activation = .relu, normalize: Bool = false, stack: Int? = nil,
    in scope: ModuleScope
  ) {
    let step = normalize ? 3 : 2
    let sizes = [inputs] + hiddenFeatures + [outputs]
    layers = zip(sizes, sizes.dropFirst()).enumerated().map { index, size in
      Linear(size.0, size.1, stack: stack, in: scope.child("\(index * step)"))
    }
    self.activation = activation
    norm = normalize ? LayerNorm() : nil
  }

  /// The outputs for inputs along the last axis.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    var h = x
    for (index, layer) in layers.enumerated() {
      h = layer(h)
      if index + 1 < layers.count {
        h = activation(h)
        if let norm { h = norm(h) }
      }
    }
    return h
  }
}
