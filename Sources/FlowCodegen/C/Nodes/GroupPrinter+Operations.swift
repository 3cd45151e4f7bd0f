import FlowIR

extension GroupPrinter {
  func emit(_ operation: TensorOperation) {
    let space = IterationSpace(operation, views.function)
    let shape = space.inner
    let chosen = group.functions.call(for: operation)
    let inputs = chosen.map { [$0.number] } ?? operation.operands
    let reads = zip(inputs, space.operandLoops).map { classify($0, loops: $1) }
    let minimum = reads.map { minimumSegment($0, shape: shape) }.max() ?? 0
    var reversed: Int?
    if case .cumulativeSum(let axis, true) = operation.opcode {
      reversed = space.isWhole ? axis : axis - 1
    }
    let index = place(shape: shape, minimum: minimum, reversed: reversed)
    let segment = segments[index]
    let operands = reads.map { render($0, segment: index, shape: shape) }
    let dtypes = operation.operands.map(dtype)
    let result = operation.result
    let resultIndex = affine(
      0, strides(of: inner(views.type(of: result).shape)),
      group.extent > 1 ? Array(space.resultLoops.dropFirst()) : space.resultLoops)
    switch operation.opcode {
    case .reduce(let reduction, let axis):
      if axis == 0 && !space.isWhole {
        emitLoopSum(operation, reduction, operands[0], segment: segment)
        return
      }
      let target = arrayElement(result, resultIndex)
      initialize(result, Expressions.splat(reduction.identity(dtypes[0]), dtypes[0]), in: segment)
      let sum =
        reduction == .sum ? conditionalSum(operation.operands[0], target, segment: index) : nil
      let combined = sum ?? Expressions.combine(reduction, target, operands[0], dtypes[0])
      segment.lines.append(.raw("\(target) = \(combined);"))
      locals[result] = Local(segment: index, isDirect: false, shape: [])
    case .cumulativeSum(let axis, _):
      let loop = space.isWhole ? axis : axis - 1
      let others = shape.indices.filter { $0 != loop }
      let count = others.map { shape[$0] }.reduce(1, *)
      let at = affine(
        0, strides(of: others.map { shape[$0] }), others.map { group.extent > 1 ? $0 + 1 : $0 })
      let type = Expressions.type(dtypes[0])
      segment.before.append("\(type) c\(number(of: result))[\(count)];")
      segment.before.append(
        "for (int i = 0; i < \(count); i++) c\(number(of: result))[i] = \(Expressions.splat(0, dtypes[0]));"
      )
      segment.lines.append(
        .raw("c\(number(of: result))[\(at)] = c\(number(of: result))[\(at)] + \(operands[0]);"))
      define(result, resultIndex, "c\(number(of: result))[\(at)]", segment: index, shape: shape)
    case .search:
      let target = arrayElement(result, resultIndex)
      initialize(result, "fk_splat_int(0)", in: segment)
      segment.lines.append(.raw("\(target) = \(target) - (\(operands[0]) < \(operands[1]));"))
      locals[result] = Local(segment: index, isDirect: false, shape: [])
    case .take:
      let target = arrayElement(result, resultIndex)
      let k = variable(group.extent > 1 ? shape.count : shape.count - 1)
      let select = dtypes[0].isFloat ? "fk_select" : "fk_select_int"
      segment.lines.append(
        .raw(
          "\(target) = \(k) == 0 ? \(operands[0]) : "
            + "\(select)(\(operands[1]) >= \(k), \(operands[0]), \(target));"))
      locals[result] = Local(segment: index, isDirect: false, shape: [])
    case .unary, .binary, .compare, .select, .convert:
      let expression =
        chosen.map { "\($0.function)(\(operands[0]))" }
        ?? Expressions.pointwise(operation.opcode, operands, dtypes)
      if operation.opcode == .select && dtypes[1].isFloat {
        noteChoice(operation, operands, segment: index)
      }
      define(result, resultIndex, expression, segment: index, shape: shape)
    case .constant, .reshape, .broadcast, .transpose, .slice, .gather, .pad, .concatenate,
      .scatterAdd, .linear, .linearWeightGradient, .matmul, .matrixExponential, .cholesky,
      .triangularSolve, .rowSum, .rowCount, .random, .autoregressiveInverse, .odeSolve,
      .odeAdjoint, .monotoneRoot, .quadrature:
      preconditionFailure("\(operation.opcode.name) takes no part in a group")
    }
  }

  /// Remembers a select one of whose sides is zero.
  private func noteChoice(_ operation: TensorOperation, _ operands: [String], segment: Int) {
    let zero = operation.operands.dropFirst().firstIndex { views.splat(of: $0) == 0 }
    guard let zero else { return }
    choices[operation.result] = Choice(
      segment: segment, condition: operands[0], term: operands[3 - zero], isElse: zero == 1)
  }

  /// A sum so far with an element of a select added, one of whose sides is zero: the sum itself is selected then,
  /// which processors that have masks do as they add. It starts at 0 and never is -0, to which 0 would make a
  /// difference.
  private func conditionalSum(_ term: Value, _ sum: String, segment: Int) -> String? {
    guard let choice = choices[term], choice.segment == segment else { return nil }
    let added = "\(sum) + \(choice.term)"
    return choice.isElse
      ? "fk_select(\(choice.condition), \(sum), \(added))"
      : "fk_select(\(choice.condition), \(added), \(sum))"
  }

  func define(
    _ value: Value, _ index: String, _ expression: String, segment: Int, shape: [Int]
  ) {
    segments[segment].lines.append(.define(value, index: index, expression: expression))
    locals[value] = Local(segment: segment, isDirect: true, shape: shape)
  }

  func initialize(_ value: Value, _ identity: String, in segment: Segment) {
    let count = elementCount(of: value)
    segment.before.append(
      count == 1
        ? "\(arrayElement(value, "0")) = \(identity);"
        : "for (int i = 0; i < \(count); i++) a\(number(of: value))[i] = \(identity);")
  }

  func emitLoopSum(
    _ operation: TensorOperation, _ reduction: Reduction, _ operand: String, segment: Segment
  ) {
    guard let sum = group.sums.first(where: { $0.value == operation.result }) else {
      preconditionFailure("value \(operation.result.id) has no accumulator")
    }
    let shape = views.type(of: operation.result).shape
    let index = affine(0, strides(of: shape), Array(1..<shape.count + 1))
    let type = dtype(operation.result)
    if group.isReduction {
      let total = "s\(number(of: sum.value))"
      registers.append((total, "\(pointer(sum.buffer)) + v"))
      let combined = Expressions.combine(reduction, total, operand, type)
      segment.lines.append(.raw("\(total) = \(combined);"))
      return
    }
    let target = "\(pointer(sum.buffer)) + (\(index)) * FK_TILE + v"
    let store = type.isFloat ? "fk_store" : "fk_store_int"
    let old = load(sum.buffer, index, type)
    segment.lines.append(
      .raw("\(store)(\(target), \(Expressions.combine(reduction, old, operand, type)));"))
  }

  func emitStore(_ value: Value, _ buffer: Buffer, _ map: [Int]) {
    let full = views.type(of: value).shape
    let shape = inner(full)
    let loops = Array(full.indices)
    let read = Read.local(
      value, map: IndexMap(Array(0..<shape.reduce(1, *)), shape: shape), shape: shape,
      loops: innerLoops(loops))
    let index = place(
      shape: shape, minimum: minimumSegment(read, shape: shape), reversed: nil)
    let expression = render(read, segment: index, shape: shape)
    let isPartial = map.contains { $0 < 0 }
    let target = text(
      isPartial ? .table(map) : IndexMap(map, shape: full), shape: full, loops: loops)
    let function = dtype(value).isFloat ? "fk_store" : "fk_store_int"
    let store = "\(function)(\(pointer(buffer)) + (\(target)) * FK_TILE + v, \(expression));"
    segments[index].lines.append(.raw(isPartial ? "if (\(target) >= 0) \(store)" : store))
  }
}
