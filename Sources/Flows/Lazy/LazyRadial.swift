/// A lazy radial transform, its parameters given by the context or free.
public struct LazyRadialTransform: LazyTransform {
  private let features: Int
  private let hyper: (any Layer)?
  private let free: [Parameter]
  private let path: String
  /// The scalars with which the transform changes nothing: softplus(b) is a.
  private static let start = (alpha: 1.0, beta: 0.5413248546129181)

  /// Registers the network `hyper` if there is a context, else the parameters `centre` [D], `alpha` [1] and `beta`
  /// [1] of a `RadialTransform`. The network's outputs are those D + 2 numbers, less 1 and log(e - 1) of the last
  /// two: where they are zero, nothing is changed.
  public init(
    features: Int, context: Int = 0, network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) {
    self.features = features
    hyper = context > 0 ? network.layer(context, features + 2, in: scope.child("hyper")) : nil
    free =
      context > 0
      ? []
      : [
        scope.parameter("centre", [features], initializer: .normal()),
        scope.parameter("alpha", [1], initializer: .values([Self.start.alpha])),
        scope.parameter("beta", [1], initializer: .values([Self.start.beta])),
      ]
    path = scope.path
  }

  /// The transform for a context [C], or that of the free parameters.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    guard let hyper else {
      return RadialTransform(
        centre: free[0].tensor, alpha: free[1].tensor.reshaped([]),
        beta: free[2].tensor.reshaped([]))
    }
    guard let context else { preconditionFailure("\(path): this transform needs a context") }
    return context.trace.inScope(path) {
      let output = hyper(context)
      func scalar(_ place: Int) -> Tensor { output.slice(place, place + 1).reshaped([]) }
      return RadialTransform(
        centre: output.slice(0, features), alpha: scalar(features) + Self.start.alpha,
        beta: scalar(features + 1) + Self.start.beta)
    }
  }
}
