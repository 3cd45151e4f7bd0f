import FlowIR

extension ReversePass {
  /// The adjoint of the Fréchet derivative of exp at A is that at Aᵀ, the upper right block of
  /// exp([[Aᵀ, G], [0, Aᵀ]]) (Higham, "Functions of Matrices", 2008, equation 3.16).
  ///
  /// It is linear in G, which is scaled to a largest entry of 1 so that it does not decide how often
  /// the block matrix is halved and squared.
  func matrixExponentialRule(_ a: Value, _ g: Value) throws(TypeError) -> Value {
    let n = type(a).shape[0]
    let magnitude = try unary(.absolute, g)
    let columns = try builder.emit(.reduce(.maximum, axis: 0), magnitude)
    let largest = try builder.emit(.reduce(.maximum, axis: 0), columns)
    let isPositive = try compare(.greater, largest, like(largest, 0))
    let scale = try broadcast(try select(isPositive, largest, like(largest, 1)), [n, n])
    let transposed = try transpose(a)
    let top = try builder.emit(.concatenate(axis: 1), transposed, try divide(g, scale))
    let bottom = try builder.emit(.concatenate(axis: 1), like(a, 0), transposed)
    let block = try builder.emit(
      .matrixExponential, try builder.emit(.concatenate(axis: 0), top, bottom))
    let upper = try builder.emit(.slice(axis: 0, start: 0, end: n), block)
    return try multiply(
      try builder.emit(.slice(axis: 1, start: n, end: 2 * n), upper), scale)
  }

  /// `S = L⁻ᵀ (P + Pᵀ) L⁻¹ / 2` with P = Φ(Lᵀ G), where Φ keeps the lower triangle and halves the
  /// diagonal (Murray, "Differentiation of the Cholesky decomposition", 2016, arXiv:1602.07527).
  ///
  /// Only the lower triangle of the operand is read, for both triangles: it gets the sum of both.
  func choleskyRule(_ lower: Value, _ g: Value) throws(TypeError) -> Value {
    let n = type(lower).shape[0]
    func weights(below: Double, on: Double) throws(TypeError) -> Value {
      let values = (0..<n * n).map { $0 / n > $0 % n ? below : $0 / n == $0 % n ? on : 0 }
      return try builder.emit(
        .constant(Literal(values, shape: [n, n], dtype: type(lower).dtype)))
    }
    let transposed = try transpose(lower)
    // Entries above the diagonal of the factor are constant.
    let own = try multiply(g, try weights(below: 1, on: 1))
    let product = try builder.emit(.matmul, transposed, own)
    let p = try multiply(product, try weights(below: 1, on: 0.5))
    let symmetric = try plus(p, try transpose(p))
    let solve = Opcode.triangularSolve(upper: true, unit: false)
    let right = try builder.emit(solve, transposed, symmetric)
    let both = try builder.emit(solve, transposed, try transpose(right))
    return try multiply(both, try weights(below: 1, on: 0.5))
  }

  /// `A x = b`: b gets A⁻ᵀ g, and A minus the outer product of that with x, in its triangle.
  func triangularSolveRule(
    _ operation: TensorOperation, upper: Bool, unit: Bool, _ g: Value
  ) throws(TypeError) {
    let (a, b) = (operation.operands[0], operation.operands[1])
    let x = operation.result
    let isRow = type(x).hasRows
    let shape = type(a).shape
    let n = shape[shape.count - 1]
    var swapped = Array(shape.indices)
    swapped.swapAt(shape.count - 1, shape.count - 2)
    let part = try builder.emit(
      .triangularSolve(upper: !upper, unit: unit),
      try builder.emit(.transpose(swapped), a), g)
    try add(part, to: b, isRow: isRow)
    guard isActive(a) else { return }
    let triangle = Mask(
      rows: n, columns: n,
      bits: (0..<n * n).map {
        let (row, column) = ($0 / n, $0 % n)
        return row == column ? !unit : upper ? row < column : row > column
      })
    if isRow, !type(a).hasRows {
      try addUniformMatrix(a, part, x, triangle)
      return
    }
    let last = type(x).rank - 1
    var outer = try multiply(
      try expand(part, axis: last + 1, extent: n), try expand(x, axis: last, extent: n))
    for _ in shape.count..<type(outer).rank {
      outer = try builder.emit(.reduce(.sum, axis: 0), outer)
    }
    let bits = triangle.bits.map { $0 ? 1.0 : 0 }
    let mask = try builder.emit(
      .constant(Literal(bits, shape: [n, n], dtype: .bool)))
    let kept = try select(
      try broadcast(mask, type(outer).shape), try unary(.negate, outer), like(outer, 0))
    try add(kept, to: a, isRow: isRow)
  }

  /// One matrix for all rows: the outer products are summed over rows, vector by vector.
  private func addUniformMatrix(
    _ a: Value, _ part: Value, _ x: Value, _ triangle: Mask
  ) throws(TypeError) {
    let shape = type(a).shape
    var matrices: [Value] = []
    for (left, right) in try vectors(part, x) {
      let sum = try outerSum(left, right, triangle, isRow: true)
      matrices.append(try unary(.negate, sum))
    }
    if shape.count == 2 {
      for matrix in matrices { try add(matrix, to: a, isRow: false) }
      return
    }
    var rows: [Value] = []
    for matrix in matrices {
      rows.append(try builder.emit(.reshape([1] + type(matrix).shape), matrix))
    }
    let joined = try builder.append(.concatenate(axis: 0), rows)[0]
    try add(try builder.emit(.reshape(shape), joined), to: a, isRow: false)
  }
}
