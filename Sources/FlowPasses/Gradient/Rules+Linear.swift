import FlowIR

extension ReversePass {
  /// `y = x Wᵀ + b`: gx = gy W, gW = sum of gy xᵀ, gb = sum of gy.
  func linearRule(_ operation: TensorOperation, _ mask: Mask?, _ g: Value) throws(TypeError) {
    let (x, weight) = (operation.operands[0], operation.operands[1])
    let isRow = type(operation.result).hasRows
    // Selected once for every product that uses it.
    let g = isRow && operation.operands.dropFirst().contains(where: isActive) ? try supported(g) : g
    if isActive(x) {
      let gx = try builder.emit(.linear(mask?.transposed), g, try transpose(weight))
      try add(gx, to: x, isRow: isRow)
    }
    if operation.operands.count > 2, isActive(operation.operands[2]) {
      var sum = g
      for _ in 0..<type(g).rank - 1 { sum = try builder.emit(.reduce(.sum, axis: 0), sum) }
      try add(sum, to: operation.operands[2], isRow: isRow)
    }
    guard isActive(weight) else { return }
    for (part, input) in try vectors(g, x) {
      try add(try outerSum(part, input, mask, isRow: isRow), to: weight, isRow: false)
    }
  }

  /// The outer product of two vectors, summed over rows if the operation ran for each; zero outside
  /// the mask.
  func outerSum(
    _ part: Value, _ input: Value, _ mask: Mask?, isRow: Bool
  ) throws(TypeError) -> Value {
    if isRow, type(input).hasRows, type(part).hasRows {
      return try builder.emit(
        .linearWeightGradient(mask), try supported(part), try supported(input))
    }
    // At least one factor is the same in every row: sum the other, then one outer product.
    let left = isRow ? try sumOfRows(part) : part
    let right =
      isRow && type(input).hasRows && !type(part).hasRows
      ? try builder.emit(.rowSum, try supported(input)) : input
    let factor = isRow && type(input).hasRows && !type(part).hasRows ? part : left
    let product = try builder.emit(
      .matmul, try builder.emit(.reshape([type(part).elementCount, 1]), factor),
      try builder.emit(.reshape([1, type(input).elementCount]), right))
    return try masked(product, mask)
  }

  private func masked(_ product: Value, _ mask: Mask?) throws(TypeError) -> Value {
    guard let mask else { return product }
    let condition = try builder.emit(
      .constant(
        Literal(
          mask.bits.map { $0 ? 1 : 0 }, shape: [mask.rows, mask.columns], dtype: .bool)))
    return try select(condition, product, like(product, 0))
  }

  /// The pairs of vectors that a layer over several vectors multiplies.
  func vectors(_ g: Value, _ x: Value) throws(TypeError) -> [(Value, Value)] {
    if type(x).rank == 1 { return [(g, x)] }
    let count = type(x).shape.dropLast().reduce(1, *)
    let (outputs, inputs) = (type(g).shape.last ?? 1, type(x).shape.last ?? 1)
    let gs = try builder.emit(.reshape([count, outputs]), g)
    let xs = try builder.emit(.reshape([count, inputs]), x)
    var pairs: [(Value, Value)] = []
    for index in 0..<count {
      let part = try builder.emit(.slice(axis: 0, start: index, end: index + 1), gs)
      let input = try builder.emit(.slice(axis: 0, start: index, end: index + 1), xs)
      pairs.append(
        (
          try builder.emit(.reshape([outputs]), part), try builder.emit(.reshape([inputs]), input)
        ))
    }
    return pairs
  }
}
