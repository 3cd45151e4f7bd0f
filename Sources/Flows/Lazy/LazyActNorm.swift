/// `f(x) = exp(s) x + t` with parameters that begin where the features of the first rows have mean 0 and deviation 1
/// behind it (Kingma and Dhariwal, "Glow", 2018, arXiv:1807.03039).
///
/// `fit` finds them in the training rows if they are zero, as they are in a new model; `Model.findStatistics` does so
/// outside of it. From there on they are parameters as any others.
public struct LazyActNorm: LazyTransform {
  let logScale: Parameter
  let shift: Parameter

  /// Registers the parameters `log_scale` and `shift`, or buffers.
  public init(features: Int, buffer: Bool = false, in scope: ModuleScope) {
    logScale = scope.tensor("log_scale", [features], initializer: .zeros, isBuffer: buffer)
    shift = scope.tensor("shift", [features], initializer: .zeros, isBuffer: buffer)
  }

  /// The transform, whatever the context is.
  public func callAsFunction(_ context: Tensor?) -> any Transform { ActNormTransform(module: self) }
}

/// A `LazyActNorm` with its parameters, or with those that it finds in the rows of the call.
private struct ActNormTransform: Transform {
  let module: LazyActNorm

  private func affine(_ logScale: Tensor, _ shift: Tensor) -> any Transform {
    DependentTransform(AffineTransform(loc: shift, scale: exp(logScale)))
  }

  private var stored: any Transform { affine(module.logScale.tensor, module.shift.tensor) }

  /// The transform whose results have mean 0 and deviation 1, or whose inverse's have.
  private func found(_ x: Tensor, isInverse: Bool) -> (any Transform)? {
    guard let statistics = x.trace.statistics, statistics.isUnset(module.logScale) else {
      return nil
    }
    let (mean, variance) = statistics.moments(x)
    // A constant feature is not blown up beyond 1e6.
    let logDeviation = 0.5 * log(maximum(variance, 1e-12))
    let logScale = isInverse ? logDeviation : -logDeviation
    let shift = isInverse ? mean : -mean * exp(logScale)
    statistics.note(module.logScale, logScale)
    statistics.note(module.shift, shift)
    return affine(logScale, shift)
  }

  func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (found(x, isInverse: false) ?? stored).callAndLadj(x)
  }

  func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    (found(y, isInverse: true) ?? stored).inverseAndLadj(y)
  }
}
