/// `f(x) = H_K … H_1 x` with the reflections `H = I - 2 q qᵀ / (q·q)`: an orthogonal matrix of K vectors
/// (Tomczak and Welling, "Improving Variational Auto-Encoders using Householder Flow", 2016, arXiv:1611.09630).
///
/// The log-determinant is zero and the inverse the transpose. The matrix is computed once when the parameters
/// are loaded.
public struct HouseholderTransform: Transform {
  private let matrix: Tensor

  /// Makes the product from uniform vectors of shape [K, D], none of them zero.
  public init(vectors: Tensor) { matrix = Self.matrix(vectors) }

  /// The matrix of the product, [D, D], of vectors [K, D].
  static func matrix(_ vectors: Tensor) -> Tensor {
    precondition(
      !vectors.hasRows && vectors.shape.count == 2,
      "reflections need uniform vectors of shape [K, D], found \(vectors.type)")
    let (count, size) = (vectors.shape[0], vectors.shape[1])
    let identity = vectors.trace.constant(
      (0..<size * size).map { $0 % (size + 1) == 0 ? 1.0 : 0 }, shape: [size, size])
    return (0..<count).reduce(identity) { matrix, index in
      let vector = vectors.slice(index, index + 1, axis: 0)
      let image = vector.matmul(matrix)
      return matrix - vector.transposed.matmul(image * (2 / square(vector).sumOfElements()))
    }
  }

  /// The product of the matrix and `x`; a log-determinant of 0.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (x.linear(matrix), x.trace.constant(0))
  }

  /// The product of its transpose and `y`; a log-determinant of 0.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    (y.linear(matrix.transposed), y.trace.constant(0))
  }
}
