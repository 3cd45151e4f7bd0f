import FlowIR

/// A mixture of normal distributions whose parameters a network gives for a context, with factors of the
/// precisions (Bishop, "Mixture Density Networks", 1994): that of sbi.
public struct MixtureDensityNetwork: LazyDistribution {
  private let features: Int
  private let components: Int
  private let epsilon: Double
  private let hyper: any Layer
  private let path: String

  /// Registers the network `hyper`. Its outputs are the logits, the means, the diagonals of the factors
  /// before a softplus, and what is above the diagonals row by row, each component by component.
  public init(
    features: Int, context: Int, components: Int = 10, epsilon: Double = 1e-4,
    network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) {
    self.features = features
    self.components = components
    self.epsilon = epsilon
    let above = Triangle.count(features)
    hyper = network.layer(
      context, components * (1 + 2 * features + above), in: scope.child("hyper"))
    path = scope.path
  }

  /// The mixture for a context [C].
  public func callAsFunction(_ context: Tensor?) -> any Distribution {
    guard let context else { preconditionFailure("\(path): this mixture needs a context") }
    return context.trace.inScope(path) {
      let output = hyper(context)
      var start = 0
      func next(_ shape: Int...) -> Tensor {
        let size = shape.reduce(1, *)
        defer { start += size }
        return output.slice(start, start + size).reshaped(shape)
      }
      let logits = next(components)
      let loc = next(components, features)
      let diagonal = softplus(next(components, features))
      let above = Triangle.count(features)
      let factor = Triangle.upper.matrices(
        diagonal: diagonal, others: above > 0 ? next(components, above) : nil)
      return Mixture(
        base: PrecisionNormalBatch(loc: loc, factor: factor, epsilon: epsilon), logits: logits)
    }
  }
}

/// An autoregressive density of mixtures whose parameters a masked network gives for features and a
/// context: nflows' `MADEMoG`.
public struct AutoregressiveMixtureNetwork: LazyDistribution {
  private let features: Int
  private let components: Int
  private let epsilon: Double
  private let hyper: any Layer
  private let path: String

  /// Registers the masked network `hyper`; its outputs are those that ``AutoregressiveMixture`` takes.
  ///
  /// - Throws: `FlowError` if the network cannot be built.
  public init(
    features: Int, context: Int = 0, components: Int = 10, epsilon: Double = 1e-2,
    network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) throws(FlowError) {
    self.features = features
    self.components = components
    self.epsilon = epsilon
    let (rows, inputs) = (features * components * 3, features + context)
    hyper = try network.maskedLayer(inputs, rows, in: scope.child("hyper")) {
      let count = components * 3
      let bits = (0..<rows).flatMap { row in
        (0..<inputs).map { $0 >= features || $0 < row / count }
      }
      return Mask(rows: rows, columns: inputs, bits: bits)
    }
    path = scope.path
  }

  /// The density for a context [C], or for none.
  public func callAsFunction(_ context: Tensor?) -> any Distribution {
    AutoregressiveMixture(features: features, components: components, epsilon: epsilon) { x in
      x.trace.inScope(path) {
        hyper(context.map { Tensor.concatenate([x, $0]) } ?? x)
      }
    }
  }
}
