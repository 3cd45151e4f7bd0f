/// A linear layer that increases with each of its inputs, `y = x |W|ᵀ + b`.
public struct MonotonicLinear: Layer {
  private let linear: Linear

  /// Registers `weight` and `bias` as `Linear` does.
  public init(
    _ inputs: Int, _ outputs: Int, bias: Bool = true, stack: Int? = nil, in scope: ModuleScope
  ) {
    linear = Linear(inputs, outputs, bias: bias, stack: stack, in: scope)
  }

  /// The outputs for inputs [*, in], or [stack, in].
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.trace.inScope(linear.path) {
      let (weight, bias) = (linear.weight.tensor, linear.bias?.tensor)
      return weight.shape.count == 2
        ? x.linear(abs(weight), bias: bias) : x.stackedLinear(abs(weight), bias: bias)
    }
  }
}

/// ELU(x) of the first half of the elements along the last axis, -ELU(-x) of the second: an increasing
/// function that bends both ways.
public struct TwoWayELU: Layer {
  /// Makes the layer; it has no parameters.
  public init() {}

  /// The function of each element; of an odd number the first half has one more.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let width = x.shape.last ?? 0
    let half = (width + 1) / 2
    let (a, b) = (x.slice(0, half), x.slice(half, width))
    return Tensor.concatenate([Activation.elu(a), -Activation.elu(-b)])
  }
}

/// A multi-layer perceptron that increases with each of its inputs: absolute weights, and `TwoWayELU`
/// between them (Huang et al., "Neural Autoregressive Flows", 2018, arXiv:1804.00779).
public struct MonotonicMLP: Layer {
  private let layers: [MonotonicLinear]

  /// Registers the layers `0`, `2`, `4`, …. With `stack` there are that many networks, each acting on
  /// its own row of inputs [stack, in].
  public init(
    _ inputs: Int, _ outputs: Int, hiddenFeatures: [Int] = [64, 64], stack: Int? = nil,
    in scope: ModuleScope
  ) {
    let sizes = [inputs] + hiddenFeatures + [outputs]
    layers = zip(sizes, sizes.dropFirst()).enumerated().map { index, size in
      MonotonicLinear(size.0, size.1, stack: stack, in: scope.child("\(index * 2)"))
    }
  }

  /// The outputs for inputs [*, in], or [stack, in].
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let activation = TwoWayELU()
    return layers.dropFirst().reduce(layers[0](x)) { $1(activation($0)) }
  }
}
