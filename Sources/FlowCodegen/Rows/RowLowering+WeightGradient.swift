import FlowIR

/// A row value in rows where a condition holds, and zeros in the others.
struct ChosenRows {
  /// One truth value for each row.
  let condition: Value
  let value: Value
}

extension RowLowering {
  /// Finds the inputs of weight gradients that are selected by row, which the gradient's node does itself:
  ///
  ///     group of 256: select -> [512..<768]           weight gradient [0..<8] x [256..<512] where [8..<9]
  ///     weight gradient [0..<8] x [512..<768]    →
  ///
  /// Nearly always the condition holds in all rows of a tile; then nothing is copied.
  func findChosenRows() {
    for (index, operation) in operations.enumerated() {
      guard case .select = operation.opcode, operation.operands.count == 3,
        let readers = users[operation.result],
        readers.allSatisfy({ isInput(operation.result, ofWeightGradient: $0) }),
        context.type(of: operation.operands[1]).hasRows,
        context.views.splat(of: operation.operands[2])?.bitPattern == 0.0.bitPattern,
        let condition = rowCondition(operation.operands[0])
      else { continue }
      chosenRows[operation.result] = ChosenRows(
        condition: condition, value: operation.operands[1])
      fused.insert(index)
    }
  }

  private func isInput(_ value: Value, ofWeightGradient index: Int) -> Bool {
    guard index >= 0, case .linearWeightGradient = operations[index].opcode else { return false }
    return operations[index].operands[0] != value
  }

  /// The scalar that a condition repeats for all elements of a row.
  private func rowCondition(_ condition: Value) -> Value? {
    var value = condition
    while let definition = context.views.definition(of: value) {
      if case .broadcast = definition.opcode {
        value = definition.operands[0]
      } else if case .reshape = definition.opcode {
        value = definition.operands[0]
      } else {
        return context.type(of: value).isRowScalar ? value : nil
      }
    }
    return nil
  }

  /// Lowers the gradient of a weight matrix.
  func lowerWeightGradient(_ operation: TensorOperation, mask: Mask?) {
    let (gradient, _) = buffer(of: operation.operands[0])
    let chosen = chosenRows[operation.operands[1]]
    let (input, _) = buffer(of: chosen?.value ?? operation.operands[1])
    let shape = context.type(of: operation.result).shape
    let stride = WeightGradientNode.stride(inputs: shape[1])
    let layout = PanelLayout(mask: mask, outputs: shape[0], inputs: shape[1])
    let transposed = context.makeBuffer(stride, "transposed")
    let rows = chosen.map {
      WeightGradientNode.Rows(
        condition: buffer(of: $0.condition).buffer, copy: context.makeBuffer(shape[1], "chosen"))
    }
    add(
      WeightGradientNode(
        gradient: gradient, input: input, rows: rows, transposed: transposed, layout: layout,
        outputs: shape[0], inputs: shape[1], stride: stride, reduction: reductions.count),
      operation.scope)
    reductions.append(
      RowReduction(
        kind: .weightGradient(layout, mask: mask, stride: stride, inputs: shape[1]),
        value: sumNames[operation.result] ?? operation.result, elements: shape[0] * stride))
  }
}

extension TensorType {
  fileprivate var isRowScalar: Bool { hasRows && shape.isEmpty }
}
