import FlowIR

extension RowLowering {
  /// A triangular system for each row: substitution with rows as lanes, the matrix uniform or read
  /// from scratch memory.
  func lowerSolve(_ operation: TensorOperation, upper: Bool, unit: Bool) {
    let (matrix, vector) = (operation.operands[0], operation.operands[1])
    let shape = context.type(of: matrix).shape
    let size = shape[shape.count - 1]
    let source: SolveNode.Matrix
    if context.type(of: matrix).hasRows {
      source = .rows(buffer(of: matrix).buffer)
    } else {
      context.demand(matrix)
      source = .uniform(matrix)
    }
    let input = buffer(of: vector).buffer
    let elements = context.type(of: operation.result).elementCount
    let output = context.makeBuffer(elements, "v\(operation.result.id)")
    add(
      SolveNode(
        matrix: source, input: input, output: output, vectors: elements / size, size: size,
        isShared: shape.count == 2, upper: upper, unit: unit), operation.scope)
    places[operation.result] = .buffer(output, ready: count - 1)
  }
}
