import FlowIR

extension HyperNetwork {
  /// Builds a layer of given numbers of inputs and outputs, registering its parameters in a scope.
  public typealias Builder =
    @Sendable (_ inputs: Int, _ outputs: Int, _ scope: ModuleScope) -> any Layer

  /// Builds a layer whose output i does not depend on input j where `adjacency[i, j]` is false.
  public typealias MaskedBuilder =
    @Sendable (_ adjacency: Mask, _ scope: ModuleScope) throws(FlowError) -> any Layer

  /// A custom network for coupling and element-wise transforms, mixtures and differential equations:
  ///
  ///     GeneralCouplingTransform(
  ///       features: 4, network: HyperNetwork { GatedNetwork($0, $1, in: $2) }, in: scope)
  ///
  /// Autoregressive transforms do not accept it, since its outputs may depend on any input.
  public init(_ build: @escaping Builder) {
    self.init()
    own = build
  }

  /// A custom masked network for autoregressive transforms, for instance of `MaskedLinear` layers. For other
  /// transforms it is built with an adjacency of ones.
  public init(masked build: @escaping MaskedBuilder) {
    self.init()
    ownMasked = build
  }

  /// Builds the network that this describes, from a number of inputs to a number of outputs.
  public func layer(_ inputs: Int, _ outputs: Int, in scope: ModuleScope) -> any Layer {
    if let own { return own(inputs, outputs, scope) }
    guard let ownMasked else {
      return MLP(
        inputs, outputs, hiddenFeatures: hiddenFeatures, activation: activation,
        normalize: normalize, in: scope)
    }
    let bits = [Bool](repeating: true, count: inputs * outputs)
    do {
      return try ownMasked(Mask(rows: outputs, columns: inputs, bits: bits), scope)
    } catch {
      preconditionFailure("\(scope.path): the network can't be built without a mask: \(error)")
    }
  }

  /// Builds the masked network that this describes.
  ///
  /// - Throws: `FlowError.nullJacobian` if no output may depend on any input.
  public func maskedLayer(
    _ adjacency: Mask, in scope: ModuleScope
  ) throws(FlowError) -> any Layer {
    try maskedLayer(adjacency.columns, adjacency.rows, in: scope) { adjacency }
  }

  /// Builds the masked network from a number of inputs to a number of outputs; the adjacency is made
  /// only where no checkpoint has the masks.
  ///
  /// - Throws: `FlowError.nullJacobian` if no output may depend on any input.
  public func maskedLayer(
    _ inputs: Int, _ outputs: Int, in scope: ModuleScope, adjacency: () throws(FlowError) -> Mask
  ) throws(FlowError) -> any Layer {
    if let ownMasked {
      try scope.reserve(rows: outputs, columns: inputs)
      return try ownMasked(try adjacency(), scope)
    }
    precondition(
      own == nil,
      "\(scope.path): an autoregressive transform needs a network that keeps to its order; "
        + "give it by HyperNetwork(masked:)")
    return try MaskedMLP(
      outputs: outputs, inputs: inputs, hiddenFeatures: hiddenFeatures, activation: activation,
      residual: residual, in: scope, adjacency: adjacency)
  }
}
