import FlowIR

extension Tensor {
  /// The solution `x` of `f(x) = self` for a function that increases in each element.
  ///
  /// Element `i` of `f(x)` must depend on element `i` of `x` alone. Each element is found by
  /// inverse cubic interpolation, safeguarded by bisection, in `[lower, upper]`; if `f` does not reach the target there, the
  /// result is the nearer end. It is differentiated by the implicit function theorem.
  ///
  /// - Parameters:
  ///   - lower: the lower end of the bracket.
  ///   - upper: the upper end.
  ///   - slope: the derivative of `f`; found by differentiating `f` if nil.
  ///   - f: the function.
  public func monotoneRoot(
    lower: Double = -.infinity, upper: Double = .infinity, slope: ((Tensor) -> Tensor)? = nil,
    of f: (Tensor) -> Tensor
  ) -> Tensor {
    precondition(hasRows, "a root needs a target with rows")
    let argument = Tensor(trace, trace.builder.beginRegion([type])[0])
    let (value, derivative): (Tensor, Tensor)
    if let slope {
      (value, derivative) = (f(argument), slope(argument))
    } else {
      (value, derivative) = argument.valueAndSlope(of: f)
    }
    let region = trace.builder.endRegion(results: [
      value.broadcast(to: shape).value, derivative.broadcast(to: shape).value,
    ])
    return trace.emit(.monotoneRoot(lower: lower, upper: upper), [self], regions: [region])
  }

  /// The integral of a function of each element from `lower` to this tensor, by Gauss and Legendre's
  /// rule with `nodes` nodes.
  ///
  /// The derivative with respect to the limits is the integrand there.
  public func integral(
    from lower: Tensor, nodes: Int, of f: (Tensor) -> Tensor
  ) -> Tensor {
    precondition(hasRows, "an integral needs limits with rows")
    // The lower limit in each row; it depends neither on this tensor's derivative nor on its infinities.
    let start = (lower.hasRows ? lower : select(isNaN(self), lower, lower)).broadcast(to: shape)
    let arguments = trace.builder.beginRegion([type, type])
    let part = f(Tensor(trace, arguments[0])) * Tensor(trace, arguments[1])
    let region = trace.builder.endRegion(results: [part.value])
    return trace.emit(.quadrature(nodes: nodes), [start, self], regions: [region])
  }

  /// The fixed point of `x ↦ g(x)`, where element i of `g(x)` depends only on elements of `x` that
  /// come earlier in some order. The inverse of an autoregressive transform is one, with
  /// `g(x) = f⁻¹(y | x)`.
  ///
  /// Each unit of a masked network in `g` is computed once, as soon as its inputs are known.
  ///
  /// - Parameters:
  ///   - type: the type of `x`, which has rows.
  ///   - passes: how many applications of `g` reach the fixed point.
  ///   - trace: the trace to add it to.
  ///   - g: gives the new `x` and a log-determinant; the result is the log-determinant at the fixed point.
  public static func autoregressiveInverse(
    _ type: TensorType, passes: Int, in trace: Trace,
    of g: (Tensor) -> (x: Tensor, ladj: Tensor)
  ) -> (x: Tensor, ladj: Tensor) {
    let argument = Tensor(trace, trace.builder.beginRegion([type])[0])
    let (x, ladj) = g(argument)
    let region = trace.builder.endRegion(results: [x.value] + (ladj.hasRows ? [ladj.value] : []))
    let results = trace.emitAll(.autoregressiveInverse(passes: passes), [], regions: [region])
    // A region yields row values; a value that is the same for all rows does not depend on its `x`.
    return (results[0], ladj.hasRows ? results[1] : g(results[0]).ladj)
  }

  /// The states at time `end` of the ordinary differential equation `dx/dt = f(t, x)`, given those at
  /// time `start`, by Dormand and Prince's method with adaptive steps, each row on its own.
  ///
  /// - Parameters:
  ///   - states: row values of any shapes.
  ///   - start: the first time, a scalar; one for all rows or one a row.
  ///   - end: the last time, which may be before the first.
  ///   - control: tolerances and the largest number of steps.
  ///   - f: the derivatives of the states, from a row scalar and the states.
  /// - Returns: the states at `end`; NaN in rows that are not finite or need more steps than allowed.
  public static func solve(
    _ states: [Tensor], from start: Tensor, to end: Tensor, control: ODEControl = ODEControl(),
    _ f: (Tensor, [Tensor]) -> [Tensor]
  ) -> [Tensor] {
    guard let first = states.first else { preconditionFailure("an equation needs a state") }
    precondition(states.allSatisfy(\.hasRows), "the states of an equation need rows")
    let trace = first.trace
    let time = TensorType.row([], first.type.dtype)
    let arguments = trace.builder.beginRegion([time] + states.map(\.type))
      .map { Tensor(trace, $0) }
    let derivatives = f(arguments[0], Array(arguments.dropFirst()))
    let region = trace.builder.endRegion(
      results: zip(derivatives, states).map { derivative, state in
        (derivative.hasRows ? derivative : state * 0 + derivative).broadcast(to: state.shape).value
      })
    return trace.emitAll(
      .odeSolve(control, isRecorded: false), [start, end] + states, regions: [region])
  }
}
