/// A lazy planar transform, its parameters given by the context or free.
public struct LazyPlanarTransform: LazyTransform {
  private let features: Int
  private let negativeSlope: Double?
  private let hyper: (any Layer)?
  private let phi: Parameter?
  private let path: String

  /// Registers the network `hyper` if there is a context, else the parameter `phi`: `w`, then `u`, then `b`
  /// of a `PlanarTransform`, 2 D + 1 numbers.
  public init(
    features: Int, context: Int = 0, negativeSlope: Double? = nil,
    network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) {
    self.features = features
    self.negativeSlope = negativeSlope
    let count = 2 * features + 1
    hyper = context > 0 ? network.layer(context, count, in: scope.child("hyper")) : nil
    phi =
      context > 0
      ? nil : scope.parameter("phi", [count], initializer: .normal(deviation: 0.01))
    path = scope.path
  }

  /// The transform for a context [C], or that of the free parameters.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    guard let hyper else {
      guard let phi else { preconditionFailure("\(path): this transform has no parameters") }
      return transform(phi.tensor)
    }
    guard let context else { preconditionFailure("\(path): this transform needs a context") }
    return context.trace.inScope(path) { transform(hyper(context)) }
  }

  private func transform(_ phi: Tensor) -> PlanarTransform {
    PlanarTransform(
      weight: phi.slice(0, features), scale: phi.slice(features, 2 * features),
      bias: phi.slice(2 * features, 2 * features + 1).reshaped([]), negativeSlope: negativeSlope)
  }
}
