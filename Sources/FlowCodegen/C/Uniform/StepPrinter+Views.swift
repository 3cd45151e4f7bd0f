import FlowIR

extension StepPrinter {
  /// Lists of so many indices are printed as loops, if they can be: compilers take long to read them.
  private static let longList = 1024

  /// A copy of a view, by its index along each axis.
  func copyView(_ step: UniformStep, word: String) -> [String] {
    let operation = step.operations[0]
    let shape = type(of: operation.result).shape
    if case .gather(_, let indices) = operation.opcode, shape.count == 1 {
      if indices.count >= Self.longList, let loops = IndexMap.loops(of: indices) {
        let source = ["\(loops.base)"] + loops.strides.enumerated().map { "\($1) * i\($0)" }
        return copy(step, shape: loops.shape, source: source, word: word)
      }
      if word == "fk_real" {
        let call = KernelCall.gather(
          source: pointer(operation.operands[0]), at: definitions.table(indices),
          target: pointer(operation.result))
        return begin(step) + [call.statement, "}"]
      }
    }
    return copy(step, shape: shape, source: sourceTerms(operation), word: word)
  }

  /// A copy to elements in row-major order of a shape, from the index that is the sum of terms in `i0`, `i1`, ….
  private func copy(_ step: UniformStep, shape: [Int], source terms: [String], word: String)
    -> [String]
  {
    let operation = step.operations[0]
    let own = strides(of: shape)
    let target = shape.indices.map { "\(own[$0]) * i\($0)" }.joined(separator: " + ")
    let source = terms.joined(separator: " + ")
    var lines: [String] = []
    for (axis, extent) in shape.enumerated() {
      // Shared out in whole rows.
      lines.append(
        axis == 0 && !step.share.isOne
          ? "for (int64_t i0 = (int64_t)\(extent) * thread / threads; "
            + "i0 < (int64_t)\(extent) * (thread + 1) / threads; i0++)"
          : "for (int64_t i\(axis) = 0; i\(axis) < \(extent); i\(axis)++)")
    }
    lines.append(
      "((\(word) *)\(pointer(operation.result)))[\(target.isEmpty ? "0" : target)] = "
        + "((const \(word) *)\(pointer(operation.operands[0])))[\(source.isEmpty ? "0" : source)];")
    return lines
  }

  /// For each axis of a view, its part of the index into the operand.
  private func sourceTerms(_ operation: TensorOperation) -> [String] {
    let to = type(of: operation.result).shape
    let from = type(of: operation.operands[0]).shape
    guard let axes = operation.opcode.viewAxes(from: from, to: to) else {
      // A reshape has the operand's elements in order.
      return zip(to.indices, strides(of: to)).map { "\($1) * i\($0)" }
    }
    let steps = strides(of: from)
    return axes.enumerated().map { axis, view in
      switch view {
      case .repeated: "0"
      case .all(let source): "\(steps[source]) * i\(axis)"
      case .from(let start, let source):
        "\(steps[source]) * i\(axis) + \(steps[source] * start)"
      case .list(let indices, let source):
        "(int64_t)\(steps[source]) * \(definitions.table(indices))[i\(axis)]"
      }
    }
  }

  func linear(
    _ operation: TensorOperation, _ mask: Mask?, _ out: String, _ operands: [String],
    _ shapes: [[Int]]
  ) -> [String] {
    let (outputs, inputs) = (shapes[1][0], shapes[1][1])
    let vectors = shapes[0].dropLast().reduce(1, *)
    let used = mask.map { mask in
      let bits = definitions.bits(mask)
      return "if (\(bits)[(o * \(inputs) + i) >> 5] >> ((o * \(inputs) + i) & 31) & 1) "
    }
    return [
      "for (int64_t n = 0; n < \(vectors); n++) for (int64_t o = 0; o < \(outputs); o++) {",
      "fk_real sum = \(operands.count > 2 ? "\(operands[2])[o]" : "0");",
      "for (int64_t i = 0; i < \(inputs); i++) \(used ?? "")sum += \(operands[0])[n * \(inputs) + i]"
        + " * \(operands[1])[o * \(inputs) + i];",
      "\(out)[n * \(outputs) + o] = sum;", "}",
    ]
  }
}
