/// `f(x) = L U x` with a lower triangular `L` and an upper triangular `U` whose diagonal is ones.
///
/// The inverse solves the two triangular systems for each row.
public struct LULinearTransform: Transform {
  private let lu: Tensor
  private let upper: Tensor
  private let features: Int

  /// Makes the transform from one matrix [D, D] that holds `L` in its lower triangle, diagonal
  /// included, and `U` above; uniform or one a row.
  public init(lu: Tensor) {
    precondition(
      lu.shape.count == 2 && lu.shape[0] == lu.shape[1],
      "an LU transform needs a square matrix, found \(lu.shape)")
    self.lu = lu
    let size = lu.shape[0]
    features = size
    let identity = (0..<size * size).map { $0 % (size + 1) == 0 ? 1.0 : 0 }
    upper =
      lu - lu.lowerTriangle() + lu.trace.constant(identity, shape: [size, size])
  }

  /// The sum of the logs of L's diagonal.
  private var ladj: Tensor {
    let diagonal = lu.reshaped([features * features]).gather(
      (0..<features).map { $0 * (features + 1) })
    return log(abs(diagonal)).sum(axis: 0)
  }

  /// `L U x`; the sum of log|L_ii|.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let lower = lu.lowerTriangle()
    if lu.hasRows { return (lower.timesVector(upper.timesVector(x)), ladj) }
    return (x.linear(lower.matmul(upper)), ladj)
  }

  /// The solution of the two triangular systems; the negative sum of log|L_ii|.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let inner = lu.triangularSolve(y)
    return (lu.triangularSolve(inner, upper: true, unit: true), -ladj)
  }
}
