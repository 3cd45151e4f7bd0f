import FlowIR

extension RowLowering {
  /// A linear layer, with the pointwise operations after it that can run in its registers.
  ///
  ///     %h = linear %x, %w, %b : rows x 5 x f32
  ///     %r = relu %h : rows x 5 x f32              linear 5 x 3 …, [7..<10] -> [2..<7] then relu
  ///     %s = add %r, %y : rows x 5 x f32      →      (and add, reading %y where it writes)
  ///
  /// The chain may read one other value, at the element being written, and exactly one of its values
  /// may be used elsewhere.
  func lowerLinear(_ operation: TensorOperation, mask: Mask?, index: Int) {
    let weight = operation.operands[1]
    let shape = context.type(of: weight).shape
    let (input, _) = buffer(of: operation.operands[0])
    let layout = PanelLayout(
      mask: mask, outputs: shape[0], inputs: shape[1], mixed: isTransposed(weight) && !isStepwise,
      sideBySide: context.isPrepared(weight))
    let pack = context.pack(
      Pack(
        weight: weight, bias: operation.operands.count > 2 ? operation.operands[2] : nil,
        mask: mask, layout: layout))
    let chain = EpilogueSearch(lowering: self, product: operation.result).run()
    for index in chain.indices {
      fused.insert(index)
      waiting[operations[index].result] = nil
    }
    let elements = context.type(of: operation.result).elementCount
    let output = context.makeBuffer(elements, "v\(chain.result.id)")
    add(
      LinearNode(
        input: input, output: output, layout: layout, mask: mask, pack: pack,
        repeats: elements / shape[0], inputs: shape[1], outputs: shape[0],
        product: operation.result, epilogue: chain.indices.map { operations[$0] },
        result: chain.result, extra: chain.extra), operation.scope)
    places[chain.result] = .buffer(output, ready: count - 1)
  }
}

extension RowLowering {
  /// Whether a matrix is the transpose of another, as those of backward passes are. Products by zero
  /// do no harm there: a NaN in a row's cotangents makes all of that row's gradients NaN anyway.
  private func isTransposed(_ matrix: Value) -> Bool {
    guard let definition = context.views.definition(of: matrix) else { return false }
    if case .gather = definition.opcode { return isTransposed(definition.operands[0]) }
    if case .transpose = definition.opcode { return true }
    return false
  }
}
