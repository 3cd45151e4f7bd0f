/// How one axis of a view follows the value beneath it: where index `i` of the axis is read.
package enum ViewAxis: Hashable {
  /// Every index reads the same place.
  case repeated
  /// Index `i` reads `i` of an axis of the operand.
  case all(of: Int)
  /// Index `i` reads `start + i`.
  case from(start: Int, of: Int)
  /// Index `i` reads `indices[i]`.
  case list([Int], of: Int)

  /// The axis of the operand that it follows, and how far `i` lies there.
  package func place(_ i: Int) -> (axis: Int, index: Int)? {
    switch self {
    case .repeated: nil
    case .all(let axis): (axis, i)
    case .from(let start, let axis): (axis, start + i)
    case .list(let indices, let axis): (axis, indices[i])
    }
  }
}

extension Opcode {
  /// For a view that follows its one operand axis by axis, how each axis of the result, which has
  /// this shape, follows the operand's; nil for everything else.
  package func viewAxes(from operand: [Int], to shape: [Int]) -> [ViewAxis]? {
    switch self {
    case .broadcast:
      let shift = shape.count - operand.count
      return shape.indices.map { axis in
        axis < shift || operand[axis - shift] == 1 ? .repeated : .all(of: axis - shift)
      }
    case .transpose(let permutation): return permutation.map { .all(of: $0) }
    case .slice(let sliced, let start, _):
      return shape.indices.map { $0 == sliced ? .from(start: start, of: $0) : .all(of: $0) }
    case .gather(let gathered, let indices):
      return shape.indices.map { $0 == gathered ? .list(indices, of: $0) : .all(of: $0) }
    case .constant, .reshape, .pad, .concatenate, .unary, .binary, .compare, .select, .convert,
      .reduce, .cumulativeSum, .search, .take, .scatterAdd, .linear, .linearWeightGradient, .matmul,
      .matrixExponential, .cholesky, .triangularSolve, .rowSum, .rowCount, .random,
      .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot, .quadrature:
      return nil
    }
  }
}

/// The distance between neighbours along each axis of a row-major array.
package func strides(of shape: [Int]) -> [Int] {
  var result = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() {
    result[axis] = result[axis + 1] * shape[axis + 1]
  }
  return result
}
