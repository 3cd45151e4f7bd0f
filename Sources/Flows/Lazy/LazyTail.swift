/// A lazy `TailTransform` whose weights are parameters: a flow behind it learns how heavy the tails of its data are.
public struct LazyTailTransform: LazyTransform {
  private let logPositive: Parameter
  private let logNegative: Parameter

  /// Registers the logarithms of the weights, `log_positive` and `log_negative`, which begin at a tail of weight 0.1,
  /// or buffers.
  public init(features: Int, buffer: Bool = false, in scope: ModuleScope) {
    let first = Parameter.Initializer.values(Array(repeating: logOf(0.1), count: features))
    logPositive = scope.tensor("log_positive", [features], initializer: first, isBuffer: buffer)
    logNegative = scope.tensor("log_negative", [features], initializer: first, isBuffer: buffer)
  }

  /// The transform, whatever the context is.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    DependentTransform(
      TailTransform(positive: exp(logPositive.tensor), negative: exp(logNegative.tensor)))
  }
}
