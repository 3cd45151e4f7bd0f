import FlowIR

/// A lazy continuous transform of a velocity in the form of sbi's `FlowMatchingEstimator`: time 0 is that of the
/// data, time 1 that of the base, and the network works in standardized units at every time.
///
/// For data of mean m and deviation s the place at time t has mean `(1 - t) m` and variance
/// `((1 - t) s)² + t² + 10⁻⁶`, which are taken off before the network. The velocity is `√(1 + s²)` of what it
/// gives, plus `-m`, or plus the velocity that normal data would have.
public struct FlowMatchingTransform: LazyTransform {
  private let network: VectorFieldMLP
  private let times: Parameter
  private let mean: Parameter
  private let std: Parameter
  private let hasBaseline: Bool
  private let control: ODEControl
  private let path: String

  /// Registers the network `net` and the buffers `times`, `mean_0` and `std_0`.
  ///
  /// - Parameters:
  ///   - features: the number of features.
  ///   - context: the number of context features; 0 for none.
  ///   - shape: the network.
  ///   - gaussianBaseline: whether the network gives what is left of the velocity of normal data.
  ///   - control: the tolerances, of which a tenth is taken as in `FFJTransform`.
  ///   - scope: where they are registered.
  public init(
    features: Int, context: Int = 0, shape: VectorFieldMLP.Shape = .init(),
    gaussianBaseline: Bool = false, control: ODEControl = ODEControl(steps: 1 << 14),
    in scope: ModuleScope
  ) {
    network = VectorFieldMLP(
      features: features, context: context, shape: shape, in: scope.child("net"))
    times = scope.buffer("times", [2], initializer: .values([0, 1]))
    mean = scope.buffer("mean_0", [features], initializer: .zeros)
    std = scope.buffer("std_0", [features], initializer: .ones)
    hasBaseline = gaussianBaseline
    self.control = ODEControl(
      atol: control.atol / 10, rtol: control.rtol / 10, steps: control.steps)
    path = scope.path
  }

  /// The continuous transform for a context [C], or for none.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    let ends = [0, 1].map { times.tensor.slice($0, $0 + 1).reshaped([]) }
    return FreeFormJacobianTransform(from: ends[0], to: ends[1], control: control) { t, x in
      x.trace.inScope(path) { velocity(at: t, x, context) }
    }
  }

  private func velocity(at t: Tensor, _ x: Tensor, _ context: Tensor?) -> Tensor {
    let (mean, std) = (mean.tensor, std.tensor)
    let rest = (1 - t).reshaped([1])
    let centred = x - rest * mean
    let variance = square(rest * std) + square(t).reshaped([1]) + 1e-6
    let residual =
      network(centred / sqrt(variance), context: context, at: t) * sqrt(1 + square(std))
    guard hasBaseline else { return residual - mean }
    let factor = (t.reshaped([1]) - rest * square(std)) / variance
    return factor * centred - mean + residual
  }
}
