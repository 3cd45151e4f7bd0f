import FlowIR

/// Layers one after the other.
public struct Sequential: Layer {
  let layers: [any Layer]

  /// Makes the composition; the first is applied to the input.
  public init(_ layers: [any Layer]) { self.layers = layers }

  /// Applies the layers in order.
  public func callAsFunction(_ x: Tensor) -> Tensor { layers.reduce(x) { $1($0) } }
}

extension Activation: Layer {}

/// Centres and scales each element, `(x - mean) / std`.
public struct Standardize: Layer {
  let mean: Parameter
  let std: Parameter
  let path: String

  /// Registers the buffers `mean` and `std`.
  public init(_ features: Int, in scope: ModuleScope) {
    mean = scope.buffer("mean", [features], initializer: .zeros)
    std = scope.buffer("std", [features], initializer: .ones)
    path = scope.path
  }

  /// `(x - mean) / std`.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.trace.inScope(path) { (x - mean.tensor) / std.tensor }
  }
}

/// A transform of an embedded context.
struct EmbeddedTransform: LazyTransform {
  let embedding: any Layer
  let transform: any LazyTransform

  func callAsFunction(_ context: Tensor?) -> any Transform {
    transform(context.map { embedding($0) })
  }
}

/// A distribution of an embedded context.
struct EmbeddedDistribution: LazyDistribution {
  let embedding: any Layer
  let distribution: any LazyDistribution

  func callAsFunction(_ context: Tensor?) -> any Distribution {
    distribution(context.map { embedding($0) })
  }
}

extension Flow {
  /// The flow of a context that passes through a network first.
  public func embedded(_ embedding: any Layer) -> Flow {
    Flow(
      transform: EmbeddedTransform(embedding: embedding, transform: transform),
      base: EmbeddedDistribution(embedding: embedding, distribution: base))
  }
}
