import Flows

/// A distribution of one's own: independent features from Student's t distribution, with the degrees of
/// freedom ν > 0 and the scale of each.
struct StudentT: Distribution {
  let freedom: Tensor
  let scale: Tensor
  var features: Int { scale.shape[0] }

  /// log Γ((ν + 1) / 2) - log Γ(ν / 2) - ½ log(π ν) - log σ - ½ (ν + 1) log(1 + z² / ν), summed.
  func logProb(_ x: Tensor) -> Tensor {
    let constant =
      logGamma(0.5 * (freedom + 1)) - logGamma(0.5 * freedom) - 0.5 * log(.pi * freedom)
    let tail = 0.5 * (freedom + 1) * log1pSquare(x / scale / sqrt(freedom))
    return (constant - log(scale) - tail).sum(axis: 0)
  }

  /// Bailey's polar method in its trigonometric form (Mathematics of Computation 62, 1994): exact for
  /// any ν, and differentiable in ν and the scale.
  func sample(seed: Tensor) -> Tensor {
    let u = seed.trace.random(.uniform, shape: [features], seed: seed)
    let v = seed.trace.random(.uniform, shape: [features], seed: seed)
    let radius = sqrt(freedom * expm1(-2 / freedom * log(u)))
    return scale * radius * cos(2 * .pi * v)
  }
}

/// The module that holds its parameters: logarithms, which are free, registered by name.
struct LazyStudentT: LazyDistribution {
  let logFreedom: Parameter
  let logScale: Parameter

  init(features: Int, in scope: ModuleScope) {
    logFreedom = scope.parameter(
      "log_freedom", [features], initializer: .values(Array(repeating: 1, count: features)))
    logScale = scope.parameter("log_scale", [features], initializer: .zeros)
  }

  func callAsFunction(_ context: Tensor?) -> any Distribution {
    StudentT(freedom: exp(logFreedom.tensor), scale: exp(logScale.tensor))
  }
}
