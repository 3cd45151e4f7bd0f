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
    callAsFunction(x, inputSigns: nil, outputSigns: nil)
  }

  /// The outputs times signs, for inputs times signs: the weights take both.
  func callAsFunction(_ x: Tensor, inputSigns: [Double]?, outputSigns: [Double]?) -> Tensor {
    x.trace.inScope(linear.path) {
      var (weight, bias) = (abs(linear.weight.tensor), linear.bias?.tensor)
      if inputSigns != nil || outputSigns != nil {
        let shape = Array(weight.shape.suffix(2))
        let rows = outputSigns ?? Array(repeating: 1, count: shape[0])
        let columns = inputSigns ?? Array(repeating: 1, count: shape[1])
        weight =
          weight * x.trace.constant(rows.flatMap { row in columns.map { row * $0 } }, shape: shape)
      }
      if let outputSigns, let plain = bias {
        bias = plain * x.trace.constant(outputSigns, shape: [outputSigns.count])
      }
      return weight.shape.count == 2
        ? x.linear(weight, bias: bias) : x.stackedLinear(weight, bias: bias)
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
    return Tensor.concatenate([elu(a), -elu(-b)])
  }

  /// 1 for each element of the first half, -1 for each of the second: the function is `s ELU(s x)`.
  static func signs(_ width: Int) -> [Double] {
    (0..<width).map { $0 < (width + 1) / 2 ? 1 : -1 }
  }
}

/// A multi-layer perceptron that increases with each of its inputs: absolute weights, and `TwoWayELU`
/// between them (Huang et al., "Neural Autoregressive Flows", 2018, arXiv:1804.00779).
public struct MonotonicMLP: Layer {
  private let layers: [MonotonicLinear]
  /// The signs between a layer and the next.
  private let signs: [[Double]]

  /// Registers the layers `0`, `2`, `4`, …. With `stack` there are that many networks, each acting on
  /// its own row of inputs [stack, in].
  public init(
    _ inputs: Int, _ outputs: Int, hiddenFeatures: [Int] = [64, 64], stack: Int? = nil,
    in scope: ModuleScope
  ) {
    let sizes = [inputs] + hiddenFeatures + [outputs]
    signs = hiddenFeatures.map(TwoWayELU.signs)
    layers = zip(sizes, sizes.dropFirst()).enumerated().map { index, size in
      MonotonicLinear(size.0, size.1, stack: stack, in: scope.child("\(index * 2)"))
    }
  }

  /// The outputs for inputs [*, in], or [stack, in].
  ///
  /// The signs of `TwoWayELU` are moved into the weights and biases beside it, exactly: so it is one ELU of
  /// all elements, which runs with the product before it.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    var y = x
    for (index, layer) in layers.enumerated() {
      let isLast = index == signs.count
      y = layer(
        y, inputSigns: index == 0 ? nil : signs[index - 1], outputSigns: isLast ? nil : signs[index]
      )
      if !isLast { y = elu(y) }
    }
    return y
  }
}
