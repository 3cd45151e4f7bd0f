/// `f(x) = R x` with the rotation `R = exp(A - Aᵀ)`.
///
/// `R` is orthogonal whatever `A`, so the log-determinant is zero and the inverse is `Rᵀ`. It is
/// computed once when the parameters are loaded.
public struct RotationTransform: Transform {
  private let rotation: Tensor

  /// Makes the rotation from a uniform square matrix, shape [D, D].
  public init(a: Tensor) {
    precondition(
      !a.hasRows && a.shape.count == 2 && a.shape[0] == a.shape[1],
      "a rotation needs a uniform square matrix, found \(a.type)")
    rotation = (a - a.transposed).matrixExponential()
  }

  /// `R x`; a log-determinant of 0.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (x.linear(rotation), x.trace.constant(0))
  }

  /// `Rᵀ y`; a log-determinant of 0.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    (y.linear(rotation.transposed), y.trace.constant(0))
  }
}
