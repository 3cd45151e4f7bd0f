import FlowIR

/// The solution at time `end` of `dx/dt = f(t, x)` from time `start` (Chen et al., "Neural Ordinary
/// Differential Equations", 2018, arXiv:1806.07366; Grathwohl et al., "FFJORD", 2018,
/// arXiv:1810.01367).
///
/// The log-determinant is the integral of the trace of df/dx, found beside x. Steps adapt to each row,
/// so that no row depends on another.
public struct FreeFormJacobianTransform: Transform {
  /// The derivative at a time (a scalar) and place (a vector), and the trace of its Jacobian.
  public typealias Dynamics = (_ t: Tensor, _ x: Tensor) -> (value: Tensor, trace: Tensor)

  private let dynamics: Dynamics
  private let start: Tensor
  private let end: Tensor
  private let control: ODEControl
  /// The trace is integrated multiplied by this factor, which loosens its tolerances as in Zuko.
  private static let traceScale = 1e-2

  /// Makes the transform from dynamics with their exact trace, or an estimate of it.
  public init(
    from start: Tensor, to end: Tensor, control: ODEControl = ODEControl(),
    dynamics: @escaping Dynamics
  ) {
    self.dynamics = dynamics
    self.start = start
    self.end = end
    self.control = control
  }

  /// Makes the transform from a function alone; its trace is found by differentiating it once for each
  /// feature.
  public init(
    from start: Tensor, to end: Tensor, control: ODEControl = ODEControl(),
    f: @escaping (_ t: Tensor, _ x: Tensor) -> Tensor
  ) {
    self.init(from: start, to: end, control: control) { t, x in x.valueAndTrace { f(t, $0) } }
  }

  /// Makes the transform with Hutchinson's estimate of the trace, `vᵀ (df/dx) v`: one product with
  /// the Jacobian for any number of features.
  ///
  /// - Parameters:
  ///   - start: the first time.
  ///   - end: the last time.
  ///   - control: tolerances and the largest number of steps.
  ///   - probe: `v`, one a row or one for all: numbers of mean 0 and covariance I that do not change
  ///     along the way, such as `trace.random(.normal, shape: [features], seed: seed)`. The
  ///     log-determinant is exact on average over them.
  ///   - f: the derivative at a time and place.
  public init(
    from start: Tensor, to end: Tensor, control: ODEControl = ODEControl(), probe: Tensor,
    f: @escaping (_ t: Tensor, _ x: Tensor) -> Tensor
  ) {
    self.init(from: start, to: end, control: control) { t, x in
      let (value, product) = x.valueAndPullback(of: { f(t, $0) }, weights: probe)
      return (value, (product * probe).sum(axis: 0))
    }
  }

  /// The solution at the end of the time, and the integral of the trace.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { solve(x, start, end) }

  /// The solution at the start of the time for `y` at its end, and the integral of the trace on the
  /// way back.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) { solve(y, end, start) }

  /// The solution at the end of the time alone, without the trace.
  public func callAsFunction(_ x: Tensor) -> Tensor { solveAlone(x, start, end) }

  /// The solution at the start of the time alone, without the trace.
  public func inverse(_ y: Tensor) -> Tensor { solveAlone(y, end, start) }

  /// The derivative dx/dt at a time (a scalar, for each row or for all) and place.
  public func velocity(at t: Tensor, _ x: Tensor) -> Tensor { dynamics(t, x).value }

  /// The loss of flow matching of each row for one of its paths: the straight one from `x`, at the start of
  /// the time, to `z` at its end. See `flowMatchingLoss(from:to:at:velocity:)`.
  ///
  /// - Parameters:
  ///   - x: the row.
  ///   - z: a sample of the base.
  ///   - share: how much of the time has passed, from 0 to 1; a scalar for each row.
  public func matchingLoss(_ x: Tensor, to z: Tensor, at share: Tensor) -> Tensor {
    let duration = end - start
    return flowMatchingLoss(from: x, to: z, at: share) { share, place in
      // In units of the share, so that the loss does not depend on how time is counted.
      velocity(at: start + share * duration, place) * duration
    }
  }

  private func solve(_ x: Tensor, _ start: Tensor, _ end: Tensor) -> (Tensor, Tensor) {
    let zero = x.slice(0, 1).reshaped([]) * 0
    let states = Tensor.solve([x, zero], from: start, to: end, control: control) { t, states in
      let (derivative, trace) = dynamics(t, states[0])
      return [derivative, trace * Self.traceScale]
    }
    return (states[0], states[1] / Self.traceScale)
  }

  private func solveAlone(_ x: Tensor, _ start: Tensor, _ end: Tensor) -> Tensor {
    Tensor.solve([x], from: start, to: end, control: control) { [dynamics($0, $1[0]).value] }[
      0]
  }
}

/// The loss of conditional flow matching of each row (Lipman et al., 2022, arXiv:2210.02747):
/// `|v(s, (1 - s) x + s z) - (z - x)|²`, the squared error of a velocity on the straight path from `x` to `z`.
///
/// Its mean over rows `x` of the data, samples `z` of the base and uniform shares `s` is least for the velocity
/// whose solution takes the data's distribution to the base. No equation is solved to find it. The mean does not
/// fall to 0: paths that cross ask for different velocities in one place.
///
/// - Parameters:
///   - x: the start of the path, such as a row of the data.
///   - z: its end, such as a sample of the base.
///   - share: the share of the path, from 0 to 1; a scalar for each row.
///   - velocity: any network of the share and the place on the path, which may have a context too.
public func flowMatchingLoss(
  from x: Tensor, to z: Tensor, at share: Tensor,
  velocity: (_ share: Tensor, _ place: Tensor) -> Tensor
) -> Tensor {
  let way = z - x
  let place = x + share.reshaped([1]).broadcast(to: way.shape) * way
  return square(velocity(share, place) - way).sumOfElements()
}
