/// Independent normal features whose means and log-deviations a network gives for a context.
public struct ConditionalDiagonalNormal: LazyDistribution {
  private let features: Int
  private let hyper: any Layer
  private let path: String

  /// Registers the network `hyper`, whose outputs are the means of all features, then the logs of their
  /// deviations.
  public init(
    features: Int, context: Int, network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) {
    self.features = features
    hyper = network.layer(context, 2 * features, in: scope.child("hyper"))
    path = scope.path
  }

  /// The distribution for a context [C].
  public func callAsFunction(_ context: Tensor?) -> any Distribution {
    guard let context else { preconditionFailure("\(path): this base needs a context") }
    return context.trace.inScope(path) {
      let output = hyper(context)
      return DiagNormal(
        loc: output.slice(0, features), scale: exp(output.slice(features, 2 * features)))
    }
  }
}

extension UnconditionalDistribution {
  /// Independent normal features with the tensors `loc` and `log_scale`: parameters that are trained, or
  /// buffers.
  public static func logScaleNormal(
    features: Int, buffer: Bool = false, in scope: ModuleScope
  ) -> UnconditionalDistribution {
    let loc = scope.tensor("loc", [features], initializer: .zeros, isBuffer: buffer)
    let scale = scope.tensor("log_scale", [features], initializer: .zeros, isBuffer: buffer)
    return UnconditionalDistribution { DiagNormal(loc: loc.tensor, scale: exp(scale.tensor)) }
  }
}
