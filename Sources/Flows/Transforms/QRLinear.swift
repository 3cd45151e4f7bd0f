/// `f(x) = Q R x + bias` with an orthogonal `Q`, a product of Householder reflections, and an upper triangular `R`
/// whose diagonal is `exp(d)`: the linear transform of nflows with an exact inverse of `Q`.
///
/// The inverse solves one triangular system for each row.
public struct QRLinearTransform: Transform {
  private let orthogonal: Tensor
  private let upper: Tensor
  private let logDiagonal: Tensor
  private let bias: Tensor

  /// Makes the transform from uniform tensors.
  ///
  /// - Parameters:
  ///   - vectors: the vectors of the reflections, [K, D], none of them zero.
  ///   - upper: the entries of `R` above the diagonal, row by row; nil for a single feature, which has none.
  ///   - logDiagonal: the logs of its diagonal, [D].
  ///   - bias: the shift, [D].
  public init(vectors: Tensor, upper: Tensor?, logDiagonal: Tensor, bias: Tensor) {
    orthogonal = HouseholderTransform.matrix(vectors)
    let size = logDiagonal.shape[0]
    let diagonal = exp(logDiagonal).squareMatrix(size) { $0 == $1 ? $0 : nil }
    self.upper =
      upper.map { diagonal + $0.squareMatrix(size, SquareMatrix.aboveDiagonal(size)) } ?? diagonal
    self.logDiagonal = logDiagonal
    self.bias = bias
  }

  private var ladj: Tensor { logDiagonal.sum(axis: 0) }

  /// `Q R x + bias`; the sum of the logs of R's diagonal.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (x.linear(orthogonal.matmul(upper), bias: bias), ladj)
  }

  /// The solution of the triangular system; the negative sum of the logs of R's diagonal.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let turned = (y - bias).linear(orthogonal.transposed)
    return (upper.triangularSolve(turned, upper: true), -ladj)
  }
}
