import FlowIR

extension ReversePass {
  /// `y = x Wᵀ + b`: gx = gy W, gW = sum of gy xᵀ, gb = sum of gy.
  func linearRule(_ operation: Operation, _ mask: Mask?, _ g: Value) throws(TypeError) {
    let (x, weight) = (operation.operands[0], operation.operands[1])
    let isRow = type(operation.result).hasRows
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
    let shape = type(weight).shape
    for (part, input) in try vectors(g, x) {
      let gradient: Value
      if isRow, type(input).hasRows, type(part).hasRows {
        gradient = try builder.emit(.linearWeightGradient(mask), part, input)
      } else {
        // At least one factor is the same in every row: sum the other, then one outer product.
        let left = isRow ? try sumOfRows(part) : part
        let right =
          isRow && type(input).hasRows && !type(part).hasRows
          ? try builder.emit(.rowSum, input) : input
        let factor = isRow && type(input).hasRows && !type(part).hasRows ? part : left
        let product = try builder.emit(
          .matmul, try builder.emit(.reshape([shape[0], 1]), factor),
          try builder.emit(.reshape([1, shape[1]]), right))
        gradient = try masked(product, mask)
      }
      try add(gradient, to: weight, isRow: false)
    }
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
  private func vectors(_ g: Value, _ x: Value) throws(TypeError) -> [(Value, Value)] {
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
