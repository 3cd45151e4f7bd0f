import FlowIR
import FlowPasses

extension Tensor {
  /// `f(self)` and its derivative, for a function that acts on each element alone.
  public func valueAndSlope(of f: (Tensor) -> Tensor) -> (value: Tensor, slope: Tensor) {
    let (y, slope) = valueAndPullback(of: { f($0).broadcast(to: shape) })
    return (y, slope)
  }

  /// `f(self)` and the product of a vector with its Jacobian, `vᵀ df/dx`, which has this tensor's
  /// shape; `v` is all ones if `weights` is nil.
  public func valueAndPullback(
    of f: (Tensor) -> Tensor, weights: Tensor? = nil
  ) -> (value: Tensor, product: Tensor) {
    let start = trace.builder.currentOperations.count
    let y = f(self)
    return (y, y.pulledBack(weights?.broadcast(to: y.shape), to: self, from: start))
  }

  /// `f(self)` for a map of vectors to vectors, and its Jacobian: entry [i, j] is the derivative of
  /// element i of the value with respect to element j. One reverse pass for each row.
  public func valueAndJacobian(of f: (Tensor) -> Tensor) -> (value: Tensor, jacobian: Tensor) {
    let start = trace.builder.currentOperations.count
    let y = f(self)
    precondition(
      shape.count == 1 && y.shape.count == 1, "a Jacobian needs a map of vectors to vectors")
    let rows = (0..<y.shape[0]).map { index in
      y.slice(index, index + 1).pulledBack(nil, to: self, from: start).reshaped([1, shape[0]])
    }
    return (y, Tensor.concatenate(rows, axis: 0))
  }

  /// `f(self)` for a vector, and the trace of its Jacobian: one reverse pass for each element.
  public func valueAndTrace(of f: (Tensor) -> Tensor) -> (value: Tensor, trace: Tensor) {
    let start = trace.builder.currentOperations.count
    let y = f(self)
    precondition(y.shape == shape && shape.count == 1, "a trace needs a map of vectors to vectors")
    let diagonal = (0..<shape[0]).map { index in
      y.slice(index, index + 1).pulledBack(nil, to: self, from: start).slice(index, index + 1)
    }
    return (y, diagonal.dropFirst().reduce(diagonal[0]) { $0 + $1 }.reshaped([]))
  }

  private func pulledBack(_ weights: Tensor?, to x: Tensor, from start: Int) -> Tensor {
    do {
      return Tensor(
        trace,
        try pullback(weights?.value, of: value, at: x.value, from: start, in: trace.builder))
    } catch {
      preconditionFailure("\(error) in \(trace.builder.scope.path)")
    }
  }
}

extension Transform {
  /// The matrix of derivatives dy/dx at vectors `x` [D]: [D, D], entry [i, j] for element i of `y` and
  /// j of `x`. That of an autoregressive transform is lower triangular in its order.
  public func jacobian(_ x: Tensor) -> Tensor {
    x.valueAndJacobian { callAsFunction($0) }.jacobian
  }
}
