import FlowIR
import FlowPasses

extension Tensor {
  /// Where an increasing function of each element reaches this tensor: `x` with `f(x) = self`.
  ///
  /// Element `i` of `f(x)` must depend on element `i` of `x` alone. Each is searched on its own by
  /// Newton's method kept in a bracket, in `[lower, upper]`; where `f` does not reach the target
  /// within, the result is the nearer end. The derivative is that of the implicit function.
  ///
  /// - Parameter slope: the derivative of `f`; found by differentiating `f` if nil.
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

  /// `f(self)` and its derivative, for a function that acts on each element alone.
  public func valueAndSlope(of f: (Tensor) -> Tensor) -> (value: Tensor, slope: Tensor) {
    let start = trace.builder.currentOperations.count
    let y = f(self).broadcast(to: shape)
    do {
      let slope = try elementwiseSlope(of: y.value, at: value, from: start, in: trace.builder)
      return (y, Tensor(trace, slope))
    } catch {
      preconditionFailure("\(error) in \(trace.builder.scope.path)")
    }
  }

  /// The integral of a function of each element from `lower` to this tensor, by Gauss and Legendre's
  /// rule with `nodes` nodes.
  ///
  /// The derivative with respect to the limits is the integrand there.
  public func integral(
    from lower: Tensor, nodes: Int, of f: (Tensor) -> Tensor
  ) -> Tensor {
    precondition(hasRows, "an integral needs limits with rows")
    let start = lower.hasRows ? lower.broadcast(to: shape) : self.like(0) * self + lower
    let arguments = trace.builder.beginRegion([type, type])
    let part = f(Tensor(trace, arguments[0])) * Tensor(trace, arguments[1])
    let region = trace.builder.endRegion(results: [part.value])
    return trace.emit(.quadrature(nodes: nodes), [start, self], regions: [region])
  }
}
