/// The half of a triangular matrix whose entries are parameters.
enum Triangle {
  /// Below the diagonal, row by row: (1, 0), (2, 0), (2, 1), …
  case lower
  /// Above the diagonal, row by row: (0, 1), (0, 2), …, (1, 2), …
  case upper

  /// The number of entries outside the diagonal of a matrix with `size` rows.
  static func count(_ size: Int) -> Int { size * (size - 1) / 2 }

  /// Triangular matrices [k, D, D].
  ///
  /// - Parameters:
  ///   - diagonal: the diagonals, [k, D].
  ///   - others: the other entries, [k, D (D - 1) / 2]; nil if D is 1.
  func matrices(diagonal: Tensor, others: Tensor?) -> Tensor {
    let (leading, size) = (diagonal.shape[0], diagonal.shape[1])
    let count = Self.count(size)
    let parts = [diagonal] + (others.map { [$0] } ?? [])
    // The last columns hold the zeros of the other half, each its own: a column that is taken twice
    // would have to be summed in the gradient.
    let table = Tensor.concatenate(parts, axis: 1).padded(low: 0, high: count, value: 0, axis: 1)
    let columns = (0..<size * size).map { entry in
      let (row, column) = (entry / size, entry % size)
      if row == column { return row }
      let (low, high) = (min(row, column), max(row, column))
      switch self {
      case .lower:
        let place = size + Self.count(high) + low
        return row > column ? place : place + count
      case .upper:
        let place = size + low * size - low * (low + 1) / 2 + high - low - 1
        return row < column ? place : place + count
      }
    }
    return table.gather(columns, axis: 1).reshaped([leading, size, size])
  }
}
