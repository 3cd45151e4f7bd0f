import FlowIR

/// A function from tensors to tensors with parameters; hyper-networks are made of these.
public protocol Layer {
  /// Applies the layer to the last axis of a tensor.
  func callAsFunction(_ x: Tensor) -> Tensor
}

/// A linear layer, `y = x Wᵀ + b`, or a stack of such layers on a stack of vectors.
public struct Linear: Layer {
  /// The weight, out x in.
  public let weight: Parameter
  /// The bias, if there is one.
  public let bias: Parameter?
  let path: String

  /// Registers `weight` (out x in) and `bias` (out), initialised as in torch: uniform within
  /// `1 / sqrt(inputs)`. With `stack` there are that many layers, each acting on its own row of
  /// inputs [stack, in]; the weight is then stack x out x in, the bias stack x out.
  public init(
    _ inputs: Int, _ outputs: Int, bias: Bool = true, stack: Int? = nil, in scope: ModuleScope
  ) {
    let bound = 1 / Double(inputs).squareRoot()
    let stacked = stack.map { [$0] } ?? []
    weight = scope.parameter(
      "weight", stacked + [outputs, inputs], initializer: .uniform(bound: bound))
    self.bias =
      bias ? scope.parameter("bias", stacked + [outputs], initializer: .uniform(bound: bound)) : nil
    path = scope.path
  }

  /// `x Wᵀ + b` along the last axis.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.trace.inScope(path) {
      weight.shape.count == 2
        ? x.linear(weight, bias: bias, mask: nil)
        : x.stackedLinear(weight.tensor, bias: bias?.tensor)
    }
  }
}

/// A linear layer whose weights are zero outside a constant mask.
public struct MaskedLinear: Layer {
  /// The weight, out x in; entries outside the mask count as zero.
  public let weight: Parameter
  /// The bias.
  public let bias: Parameter
  /// Which entries of the weight count.
  public let mask: Mask
  let path: String

  /// Registers `weight`, `bias` and the buffer `mask`; a checkpoint's mask replaces the given one.
  public init(_ mask: Mask, in scope: ModuleScope) {
    let bound = 1 / Double(max(mask.columns, 1)).squareRoot()
    weight = scope.parameter(
      "weight", [mask.rows, mask.columns], initializer: .uniform(bound: bound))
    bias = scope.parameter("bias", [mask.rows], initializer: .uniform(bound: bound))
    let bits = scope.booleans("mask", mask.bits, shape: [mask.rows, mask.columns])
    self.mask =
      bits.count == mask.bits.count
      ? Mask(rows: mask.rows, columns: mask.columns, bits: bits) : mask
    path = scope.path
  }

  /// Registers a layer of a described shape, whose mask is made only if no checkpoint has it.
  ///
  /// - Throws: `FlowError` if the layer is too large or not the checkpoint's.
  init(
    rows: Int, columns: Int, in scope: ModuleScope, _ mask: () throws(FlowError) -> Mask
  ) throws(FlowError) {
    let bound = 1 / Double(max(columns, 1)).squareRoot()
    weight = scope.parameter("weight", [rows, columns], initializer: .uniform(bound: bound))
    bias = scope.parameter("bias", [rows], initializer: .uniform(bound: bound))
    self.mask = try scope.mask("mask", rows: rows, columns: columns, mask)
    path = scope.path
  }

  /// `x (M ∘ W)ᵀ + b` along the last axis.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.trace.inScope(path) { x.linear(weight, bias: bias, mask: mask) }
  }
}

extension Tensor {
  /// The product with a layer's weight, or a draw of it where the layer is noisy.
  fileprivate func linear(_ weight: Parameter, bias: Parameter?, mask: Mask?) -> Tensor {
    trace.linearRule?(self, weight, bias, mask)
      ?? linear(weight.tensor, bias: bias?.tensor, mask: mask)
  }
}

/// Standardises the last axis: `(x - mean) / sqrt(variance + eps)`, with the unbiased variance.
public struct LayerNorm: Layer {
  let epsilon: Double

  /// Makes the layer; it has no parameters.
  public init(epsilon: Double = 1e-5) { self.epsilon = epsilon }

  /// The standardised last axis.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let count = Double(x.shape.last ?? 1)
    let centred = x - (x.sum(axis: -1) / count).expandedLast()
    let variance = square(centred).sum(axis: -1) / (count - 1)
    return centred / sqrt(variance + epsilon).expandedLast()
  }
}
