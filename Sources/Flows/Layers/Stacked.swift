import FlowIR

/// One linear layer for each feature: weights [D, out, in] on inputs [D, in].
///
/// It runs as one layer whose mask has a block for each feature.
struct StackedLinear {
  private let weight: Parameter
  private let bias: Parameter
  private let isMonotonic: Bool
  private let path: String

  /// Registers `weight` and `bias`, initialised as in torch. A monotonic layer takes the absolute
  /// values of its weights.
  init(features: Int, _ inputs: Int, _ outputs: Int, isMonotonic: Bool, in scope: ModuleScope) {
    let bound = 1 / Double(inputs).squareRoot()
    weight = scope.parameter(
      "weight", [features, outputs, inputs], initializer: .uniform(bound: bound))
    bias = scope.parameter("bias", [features, outputs], initializer: .uniform(bound: bound))
    self.isMonotonic = isMonotonic
    path = scope.path
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let (features, outputs, inputs) = (weight.shape[0], weight.shape[1], weight.shape[2])
    return x.trace.inScope(path) {
      let flat = weight.tensor.reshaped([weight.count])
      var places: [Int] = []
      var bits: [Bool] = []
      for d in 0..<features {
        for o in 0..<outputs {
          for e in 0..<features {
            for i in 0..<inputs {
              // Outside its block an entry is masked, whatever it is.
              places.append((d * outputs + o) * inputs + i)
              bits.append(d == e)
            }
          }
        }
      }
      let matrix = (isMonotonic ? abs(flat) : flat).gather(places)
        .reshaped([features * outputs, features * inputs])
      let mask = Mask(rows: features * outputs, columns: features * inputs, bits: bits)
      return x.reshaped([features * inputs])
        .linear(matrix, bias: bias.tensor.reshaped([features * outputs]), mask: mask)
        .reshaped([features, outputs])
    }
  }
}

/// A multi-layer perceptron for each feature, from [D, in] to [D]; with absolute weights and
/// activations that bend both ways it increases with each of its inputs (Huang et al., "Neural
/// Autoregressive Flows", 2018, arXiv:1804.00779).
struct StackedMLP {
  private let layers: [StackedLinear]
  private let activation: Activation
  private let norm: LayerNorm?
  private let isMonotonic: Bool

  /// Registers the layers `0`, `2`, `4`, … (`0`, `3`, `6`, … with normalisations).
  init(
    features: Int, inputs: Int, network: HyperNetwork, isMonotonic: Bool, in scope: ModuleScope
  ) {
    let normalizes = network.normalize && !isMonotonic
    let sizes = [inputs] + network.hiddenFeatures + [1]
    layers = zip(sizes, sizes.dropFirst()).enumerated().map { index, size in
      StackedLinear(
        features: features, size.0, size.1, isMonotonic: isMonotonic,
        in: scope.child("\(index * (normalizes ? 3 : 2))"))
    }
    activation = network.activation
    norm = normalizes ? LayerNorm() : nil
    self.isMonotonic = isMonotonic
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var h = x
    for (index, layer) in layers.enumerated() {
      h = layer(h)
      guard index + 1 < layers.count else { break }
      h = isMonotonic ? Self.twoWayELU(h) : activation(h)
      if let norm { h = norm(h) }
    }
    return h.reshaped([h.shape[0]])
  }

  /// ELU of the first half of the units, -ELU(-x) of the second.
  private static func twoWayELU(_ x: Tensor) -> Tensor {
    let width = x.shape.last ?? 0
    let half = (width + 1) / 2
    let (a, b) = (x.slice(0, half), x.slice(half, width))
    return Tensor.concatenate([Activation.elu(a), -Activation.elu(-b)])
  }
}
