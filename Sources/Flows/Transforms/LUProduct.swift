/// `f(x) = L U x + bias` with a lower triangular `L` whose diagonal is ones, and an upper triangular `U` whose
/// diagonal is `softplus(d) + epsilon`: the linear transform of nflows.
///
/// The inverse solves the two triangular systems for each row.
public struct LUProductTransform: Transform {
  private let lower: Tensor
  private let upper: Tensor
  private let diagonal: Tensor
  private let bias: Tensor

  /// Makes the transform from the entries below and above the diagonal, row by row (nil for a single
  /// feature, which has none), the unconstrained diagonal [D] and the bias [D].
  public init(
    lower: Tensor?, upper: Tensor?, diagonal: Tensor, bias: Tensor, epsilon: Double = 1e-3
  ) {
    let size = diagonal.shape[0]
    let trace = diagonal.trace
    let positive = softplus(diagonal) + epsilon
    let identity = trace.constant(
      (0..<size * size).map { $0 % (size + 1) == 0 ? 1.0 : 0 }, shape: [size, size])
    self.lower =
      lower.map { identity + $0.squareMatrix(size, SquareMatrix.belowDiagonal(size)) } ?? identity
    let square = positive.squareMatrix(size) { $0 == $1 ? $0 : nil }
    self.upper =
      upper.map { square + $0.squareMatrix(size, SquareMatrix.aboveDiagonal(size)) } ?? square
    self.diagonal = positive
    self.bias = bias
  }

  private var ladj: Tensor { log(diagonal).sum(axis: 0) }

  /// `L U x + bias`; the sum of the logs of U's diagonal.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (x.linear(lower.matmul(upper), bias: bias), ladj)
  }

  /// The solution of the two triangular systems; the negative sum of the logs of U's diagonal.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let inner = lower.triangularSolve(y - bias, unit: true)
    return (upper.triangularSolve(inner, upper: true), -ladj)
  }
}
