/// A mixture of flows or other distributions, with one weight for each whatever the context is:
/// log p(x) = logsumexp(log w + log p).
///
///     let scope = ModuleScope.root(seed: 0)
///     let members = try (0..<3).map { try Flow(NSF(features: 2), in: scope.child("members").child("\($0)")) }
///     let mixture = FlowMixture(members, in: scope)
///
/// Trained models are joined by an `Ensemble`.
public struct FlowMixture: LazyDistribution {
  private let members: [any LazyDistribution]
  private let logits: Parameter
  private let path: String

  /// Registers the parameter `logits`, the unnormalised logs of the weights, which are equal at first.
  public init(_ members: [any LazyDistribution], in scope: ModuleScope) {
    self.members = members
    logits = scope.parameter("logits", [members.count], initializer: .zeros)
    path = scope.path
  }

  /// The mixture for a context [C], or for none.
  public func callAsFunction(_ context: Tensor?) -> any Distribution {
    let distributions = members.map { $0(context) }
    return Alternatives(distributions, logits: logits.tensor)
  }
}
