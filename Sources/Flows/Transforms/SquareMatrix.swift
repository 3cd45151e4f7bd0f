/// Where the entries of a triangle stand in the list of them.
enum SquareMatrix {
  /// Below the diagonal, row by row.
  static func belowDiagonal(_ size: Int) -> (_ row: Int, _ column: Int) -> Int? {
    { row, column in row > column ? row * (row - 1) / 2 + column : nil }
  }

  /// Above the diagonal, row by row.
  static func aboveDiagonal(_ size: Int) -> (_ row: Int, _ column: Int) -> Int? {
    { row, column in
      row < column ? row * size - row * (row + 1) / 2 + column - row - 1 : nil
    }
  }
}

extension Tensor {
  /// A matrix of these entries, each taken once; what no entry fills is 0.
  func squareMatrix(_ size: Int, _ place: (_ row: Int, _ column: Int) -> Int?) -> Tensor {
    let places = (0..<size * size).map { place($0 / size, $0 % size) }
    var next = shape[0]
    let indices = places.map { index in
      if let index { return index }
      next += 1
      return next - 1
    }
    return padded(low: 0, high: next - shape[0], value: 0).gather(indices).reshaped([size, size])
  }
}
