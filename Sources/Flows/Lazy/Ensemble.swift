/// Trained flows as one: a mixture of them with fixed weights, in one model.
///
///     let ensemble = try Ensemble([a, b, c])
///     let logProb = try ensemble.compiled().logProb(x)
///     try ensemble.save(to: "ensemble.safetensors")
///
/// Its members are trained before they are joined, each on its own; `fit` trains all members and the weights
/// further, together.
public struct Ensemble: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Joins flows of the same numbers of features and context features; see `Model.init(ensemble:weights:)`.
  ///
  /// - Parameters:
  ///   - flows: the flows.
  ///   - weights: a positive number for each, which need not add up to 1; nil if all count alike.
  /// - Throws: `FlowError` for flows that do not fit each other, or a weight that is not a positive number.
  public init(_ flows: [any PrebuiltFlow], weights: [Double]? = nil) throws(FlowError) {
    model = try Model(ensemble: flows.map(\.model), weights: weights)
  }
}
