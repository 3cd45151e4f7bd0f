/// `f(x) = w (x - m) / √(v + ε) + b` with the mean `m` and the variance `v` of the rows and a positive `w`: the layer
/// of nflows (Dinh et al., arXiv:1605.08803).
///
/// A step of `fit` takes mean and variance of its batch, and differentiates them. After each epoch those of the
/// training rows (of 100,000 at most) under the new parameters become the running ones, with which the
/// epoch is judged and the model scores and samples: its density is one function of the row, and integrates to
/// 1. Variances are means of squared differences. Where the layer stands inverted, `m` and `v` would be those of what
/// it gives; it has the running ones in training too.
public struct LazyBatchNorm: LazyTransform {
  let weight: Parameter
  let bias: Parameter
  let mean: Parameter
  let variance: Parameter
  let epsilon: Double

  /// Registers the parameters `unconstrained_weight`, whose softplus plus ε is `w`, and `bias`, and the buffers
  /// `running_mean` and `running_var`. With `buffer` the parameters are buffers too.
  public init(
    features: Int, epsilon: Double = 1e-5, buffer: Bool = false, in scope: ModuleScope
  ) {
    let one = logOf(expOf(1 - epsilon) - 1)
    func tensor(
      _ name: String, _ start: Parameter.Initializer, _ isBuffer: Bool
    ) -> Parameter {
      scope.tensor(name, [features], initializer: start, isBuffer: isBuffer)
    }
    weight = tensor(
      "unconstrained_weight", .values(Array(repeating: one, count: features)), buffer)
    bias = tensor("bias", .zeros, buffer)
    mean = tensor("running_mean", .zeros, true)
    variance = tensor("running_var", .ones, true)
    self.epsilon = epsilon
  }

  /// The transform, whatever the context is.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    BatchNormTransform(module: self)
  }
}

/// A `LazyBatchNorm` with its running statistics, or with those of the rows of the call.
private struct BatchNormTransform: Transform {
  let module: LazyBatchNorm

  private func transform(_ mean: Tensor, _ variance: Tensor) -> any Transform {
    let scale =
      (softplus(module.weight.tensor) + module.epsilon) / sqrt(variance + module.epsilon)
    return DependentTransform(
      ComposedTransform([
        AdditiveTransform(shift: -mean),
        AffineTransform(loc: module.bias.tensor, scale: scale),
      ]))
  }

  func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    guard let statistics = x.trace.statistics else {
      return transform(module.mean.tensor, module.variance.tensor).callAndLadj(x)
    }
    let (mean, variance) = statistics.moments(x)
    statistics.note(module.mean, mean)
    statistics.note(module.variance, variance)
    return transform(mean, variance).callAndLadj(x)
  }

  func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    transform(module.mean.tensor, module.variance.tensor).inverseAndLadj(y)
  }
}
