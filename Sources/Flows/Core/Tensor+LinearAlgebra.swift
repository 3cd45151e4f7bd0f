import FlowIR

extension Tensor {
  /// The transpose of a matrix, or of each of several along the last two axes.
  public var transposed: Tensor {
    var order = Array(shape.indices)
    precondition(order.count >= 2, "only matrices are transposed, found shape \(shape)")
    order.swapAt(order.count - 1, order.count - 2)
    return transposed(order)
  }

  /// The product of two uniform matrices, m x k and k x n.
  public func matmul(_ other: Tensor) -> Tensor { trace.emit(.matmul, [self, other]) }

  /// The exponential of a uniform square matrix.
  ///
  /// Computed in double by scaling and squaring of Padé approximants (Higham, 2005), whatever the
  /// float type.
  public func matrixExponential() -> Tensor { trace.emit(.matrixExponential, [self]) }

  /// The lower triangular `L` with `L Lᵀ` equal to this uniform positive definite matrix, of which
  /// the lower triangle is read; NaN where it is not positive definite.
  public func cholesky() -> Tensor { trace.emit(.cholesky, [self]) }

  /// The solution `x` of `A x = b` for triangular matrices `A`, this tensor, of shape [D, D] or
  /// [*, D, D], and vectors `b` of shape [*, D].
  ///
  /// Only the chosen triangle is read; with `unit` its diagonal counts as ones.
  public func triangularSolve(_ b: Tensor, upper: Bool = false, unit: Bool = false) -> Tensor {
    trace.emit(.triangularSolve(upper: upper, unit: unit), [self, b])
  }

  /// The lower triangle of square matrices [*, D, D], zero above the diagonal; `diagonal` -1 leaves
  /// the diagonal out.
  public func lowerTriangle(diagonal: Int = 0) -> Tensor {
    let n = shape.last ?? 0
    let bits = (0..<n * n).map { $0 % n - $0 / n <= diagonal ? 1.0 : 0 }
    let mask = trace.emit(.constant(Literal(bits, shape: [n, n], dtype: .bool)), [])
    return select(mask, self, like(0))
  }

  /// The product of matrices [D, D] or [*, D, D], this tensor, with vectors [*, D].
  public func timesVector(_ x: Tensor) -> Tensor {
    if !hasRows, shape.count == 2 { return x.linear(self) }
    return (self * x.reshaped(x.shape.dropLast() + [1, x.shape[x.shape.count - 1]])).sum(axis: -1)
  }
}

extension Tensor {
  /// `log(sum(exp(x)))` along an axis, without overflow.
  ///
  /// Elements of -inf count as zero weight; all of them together give -inf, with a gradient of zero.
  public func logSumExp(axis: Int = -1) -> Tensor {
    let axis = self.axis(axis)
    var kept = shape
    kept[axis] = 1
    let largest = max(axis: axis)
    let shift = Flows.select(isFinite(largest), largest, largest.like(0))
    let sum = exp(self - shift.reshaped(kept)).sum(axis: axis)
    let isEmpty = sum .== 0
    let logarithm = log(Flows.select(isEmpty, sum.like(1), sum)) + shift
    return Flows.select(isEmpty, sum.like(-Double.infinity), logarithm)
  }

  /// The logs of softmax weights along an axis.
  public func logSoftmax(axis: Int = -1) -> Tensor {
    let axis = self.axis(axis)
    var kept = shape
    kept[axis] = 1
    return self - logSumExp(axis: axis).reshaped(kept)
  }
}
