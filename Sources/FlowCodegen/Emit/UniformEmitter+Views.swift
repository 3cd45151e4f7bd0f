import FlowIR

extension UniformEmitter {
  func copyView(_ operation: Operation, word: String) -> [String] {
    if case .gather(_, let indices) = operation.opcode,
      word == "fk_real", function.type(of: operation.result).shape.count == 1
    {
      return begin(operation) + [
        "fk_gather(\(pointer(operation.operands[0])), \(definitions.table(indices)), begin, end, "
          + "\(pointer(operation.result)));", "}",
      ]
    }
    let from = function.type(of: operation.operands[0]).shape
    let to = function.type(of: operation.result).shape
    var steps = [String](repeating: "0", count: to.count)
    let sourceStrides = strides(of: from)
    switch operation.opcode {
    case .reshape:
      let own = strides(of: to)
      for axis in to.indices { steps[axis] = "\(own[axis]) * i\(axis)" }
    case .broadcast:
      let shift = to.count - from.count
      for axis in from.indices where from[axis] != 1 {
        steps[axis + shift] = "\(sourceStrides[axis]) * i\(axis + shift)"
      }
    case .transpose(let permutation):
      for axis in to.indices { steps[axis] = "\(sourceStrides[permutation[axis]]) * i\(axis)" }
    case .slice(let sliced, let start, _):
      for axis in to.indices {
        let offset = axis == sliced ? " + \(sourceStrides[axis] * start)" : ""
        steps[axis] = "\(sourceStrides[axis]) * i\(axis)\(offset)"
      }
    case .gather(let gathered, let indices):
      let table = definitions.table(indices)
      for axis in to.indices {
        let index = axis == gathered ? "\(table)[i\(axis)]" : "i\(axis)"
        steps[axis] = "(int64_t)\(sourceStrides[axis]) * \(index)"
      }
    default: preconditionFailure("\(operation.opcode.name) is no view")
    }
    let own = strides(of: to)
    let target = to.indices.map { "\(own[$0]) * i\($0)" }.joined(separator: " + ")
    let source = steps.joined(separator: " + ")
    var lines: [String] = []
    for (axis, extent) in to.enumerated() {
      // Shared out in whole rows.
      lines.append(
        axis == 0 && isSplit(operation)
          ? "for (int64_t i0 = (int64_t)\(extent) * thread / threads; "
            + "i0 < (int64_t)\(extent) * (thread + 1) / threads; i0++)"
          : "for (int64_t i\(axis) = 0; i\(axis) < \(extent); i\(axis)++)")
    }
    lines.append(
      "((\(word) *)\(pointer(operation.result)))[\(target.isEmpty ? "0" : target)] = "
        + "((const \(word) *)\(pointer(operation.operands[0])))[\(source.isEmpty ? "0" : source)];")
    return lines
  }

  func linear(
    _ operation: Operation, _ mask: Mask?, _ out: String, _ operands: [String], _ shapes: [[Int]]
  ) -> [String] {
    let (outputs, inputs) = (shapes[1][0], shapes[1][1])
    let vectors = shapes[0].dropLast().reduce(1, *)
    let used = mask.map { mask in
      let bits = definitions.table("uint32_t", MaskText.words(mask))
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
