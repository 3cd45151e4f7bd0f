import FlowIR

/// Prints uniform operations as plain C loops; pointwise ones of the same size share a loop.
struct UniformEmitter {
  let function: Function
  let plan: UniformPlan
  let definitions: Definitions
  /// What the names of constant tables start with.
  let name: String

  /// The C expression for a pointer to a uniform value's elements.
  func pointer(_ value: Value) -> String {
    guard let location = plan.locations[value] else {
      preconditionFailure("uniform value \(value.id) has no place")
    }
    return pointer(location)
  }

  func pointer(_ location: UniformPlan.Location) -> String {
    switch location {
    case .argument(let index): return "((const fk_real *)args[\(index)])"
    case .result(let index): return "((fk_real *)results[\(index)])"
    case .state(let offset): return "(state + \(offset))"
    case .work(let offset): return "(work + \(offset))"
    case .table(let index): return "((const fk_real *)\(name)_constant_\(index))"
    }
  }

  /// The statements that compute operations in order.
  func statements(_ operations: [Operation], _ team: inout Team) -> [String] {
    var lines: [String] = []
    var index = 0
    while index < operations.count {
      let operation = operations[index]
      if operation.opcode.isPointwise {
        var end = index + 1
        let count = function.type(of: operation.result).elementCount
        while end < operations.count, operations[end].opcode.isPointwise,
          function.type(of: operations[end].result).elementCount == count
        { end += 1 }
        lines += pointwise(Array(operations[index..<end]), count: count, &team)
        index = end
      } else {
        let read = operation.operands.compactMap { plan.locations[$0] }
        let writer = team.writer(of: read)
        let share: Team.Share = isSplit(operation) ? .other : .one(writer)
        lines += team.before(share, elementwise: [], whole: read)
        lines +=
          share.isOne
          ? [Team.only(writer)] + single(operation) + ["}"] : single(operation)
        if let location = plan.locations[operation.result] { team.wrote(location, share) }
        index += 1
      }
    }
    return lines
  }

  /// The start of a block in which a thread makes elements [begin, end) of a result.
  func begin(_ operation: Operation) -> [String] {
    let count = function.type(of: operation.result).elementCount
    return isSplit(operation)
      ? Team.begin(.other, count: count) : ["{", "const int64_t begin = 0, end = \(count);"]
  }

  /// Whether threads share a copy by its first dimension, or random numbers by their places.
  func isSplit(_ operation: Operation) -> Bool {
    switch operation.opcode {
    case .reshape, .broadcast, .transpose, .slice, .gather, .random:
      let shape = function.type(of: operation.result).shape
      return !shape.isEmpty && shape.reduce(1, *) >= Team.smallest
    default: return false
    }
  }

  private func single(_ operation: Operation) -> [String] {
    let result = operation.result
    let type = function.type(of: result)
    let out = pointer(result)
    let operands = operation.operands.map { pointer($0) }
    let shapes = operation.operands.map { function.type(of: $0).shape }
    let word = type.dtype.isFloat ? "fk_real" : "fk_word"
    func assign(_ index: String, _ source: String) -> String {
      "((\(word) *)\(out))[\(index)] = \(source);"
    }
    switch operation.opcode {
    case .reshape, .broadcast, .transpose, .slice, .gather:
      return copyView(operation, word: word)
    case .pad(let axis, let low, _, let value):
      let inner = type.shape[(axis + 1)...].reduce(1, *)
      let fill = type.dtype.isFloat ? Expressions.number(value, type.dtype) : "\(Int(value))"
      return [
        "for (int64_t i = 0; i < \(type.elementCount); i++) {",
        "const int64_t k = i / \(inner) % \(type.shape[axis]) - \(low);",
        "const int64_t o = i / \(inner * type.shape[axis]);",
        assign(
          "i",
          "k >= 0 && k < \(shapes[0][axis]) ? ((const \(word) *)\(operands[0]))"
            + "[(o * \(shapes[0][axis]) + k) * \(inner) + i % \(inner)] : \(fill)"),
        "}",
      ]
    case .concatenate(let axis):
      let inner = type.shape[(axis + 1)...].reduce(1, *)
      let outer = type.shape[..<axis].reduce(1, *)
      var start = 0
      var lines: [String] = []
      for (operand, shape) in zip(operands, shapes) {
        lines.append(
          "for (int64_t o = 0; o < \(outer); o++) for (int64_t i = 0; i < \(shape[axis] * inner);"
            + " i++) "
            + assign(
              "o * \(type.shape[axis] * inner) + \(start * inner) + i",
              "((const \(word) *)\(operand))[o * \(shape[axis] * inner) + i]"))
        start += shape[axis]
      }
      return lines
    case .reduce(let reduction, let axis):
      return reduce(reduction, axis, operands[0], shapes[0], out, word)
    case .cumulativeSum(let axis, let reverse):
      let (outer, extent, inner) = split(shapes[0], axis)
      let k = reverse ? "\(extent - 1) - k" : "k"
      return [
        "for (int64_t o = 0; o < \(outer); o++) for (int64_t i = 0; i < \(inner); i++) {",
        "\(word) sum = 0;",
        "for (int64_t k = 0; k < \(extent); k++) {",
        "const int64_t at = (o * \(extent) + \(k)) * \(inner) + i;",
        "sum += ((const \(word) *)\(operands[0]))[at];",
        assign("at", "sum"), "}", "}",
      ]
    case .scatterAdd(let axis, let indices, let size):
      let (outer, extent, inner) = split(shapes[0], axis)
      return [
        "for (int64_t i = 0; i < \(type.elementCount); i++) " + assign("i", "0"),
        "for (int64_t o = 0; o < \(outer); o++) for (int64_t k = 0; k < \(extent); k++)"
          + " for (int64_t i = 0; i < \(inner); i++)",
        "((\(word) *)\(out))[(o * \(size) + \(definitions.table(indices))[k]) * \(inner) + i] += "
          + "((const \(word) *)\(operands[0]))[(o * \(extent) + k) * \(inner) + i];",
      ]
    case .search:
      let k = shapes[0].last ?? 1
      return [
        "for (int64_t i = 0; i < \(type.elementCount); i++) {", "fk_word n = 0;",
        "for (int64_t k = 0; k < \(k); k++) n += \(operands[0])[i * \(k) + k] < \(operands[1])[i];",
        assign("i", "n"), "}",
      ]
    case .take:
      let k = shapes[0].last ?? 1
      return [
        "for (int64_t i = 0; i < \(type.elementCount); i++) {",
        "fk_word n = ((const fk_word *)\(operands[1]))[i];",
        "n = n < 0 ? 0 : n > \(k - 1) ? \(k - 1) : n;",
        assign("i", "((const \(word) *)\(operands[0]))[i * \(k) + n]"), "}",
      ]
    case .linear(let mask): return linear(operation, mask, out, operands, shapes)
    case .matmul:
      return [
        "for (int64_t o = 0; o < \(shapes[0][0]); o++) for (int64_t i = 0; i < \(shapes[1][1]); i++) {",
        "fk_real sum = 0;",
        "for (int64_t k = 0; k < \(shapes[0][1]); k++) sum += \(operands[0])[o * \(shapes[0][1]) + k]"
          + " * \(operands[1])[k * \(shapes[1][1]) + i];",
        assign("o * \(shapes[1][1]) + i", "sum"), "}",
      ]
    case .matrixExponential:
      guard let scratch = plan.scratch[result] else {
        preconditionFailure("value \(result.id) has no working memory")
      }
      return [
        "fk_matrix_exponential(\(operands[0]), \(shapes[0][0]), (double *)\(pointer(scratch)), \(out));"
      ]
    case .cholesky: return ["fk_cholesky(\(operands[0]), \(shapes[0][0]), \(out));"]
    case .triangularSolve(let upper, let unit):
      let n = type.shape[type.rank - 1]
      let step = shapes[0].count == 2 ? 0 : n * n
      return [
        "fk_triangular_solve(\(operands[0]), \(step), \(operands[1]), \(out), "
          + "\(type.elementCount / n), \(n), \(upper ? 1 : 0), \(unit ? 1 : 0));"
      ]
    case .rowCount: return [assign("0", "(fk_real)rows")]
    case .random(let distribution, _, let stream):
      return begin(operation) + [
        "fk_random_shared(\(distribution == .normal ? 1 : 0), "
          + "(uint32_t)(\(operands[0].replacingReal))[0], "
          + "(uint32_t)(\(operands[0].replacingReal))[1], \(stream), begin, end, \(out));", "}",
      ]
    case .constant, .unary, .binary, .compare, .select, .convert, .linearWeightGradient, .rowSum,
      .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot, .quadrature:
      preconditionFailure("\(operation.opcode.name) is no uniform loop")
    }
  }

  private func split(_ shape: [Int], _ axis: Int) -> (Int, Int, Int) {
    (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
  }

  private func reduce(
    _ reduction: Reduction, _ axis: Int, _ operand: String, _ shape: [Int], _ out: String,
    _ word: String
  ) -> [String] {
    let (outer, extent, inner) = split(shape, axis)
    let start: String
    let step: String
    switch reduction {
    case .sum: (start, step) = ("0", "r += x;")
    case .product: (start, step) = ("1", "r *= x;")
    case .maximum:
      (start, step) = ("\(operand)[o * \(extent * inner) + i]", "r = x > r || x != x ? x : r;")
    case .minimum:
      (start, step) = ("\(operand)[o * \(extent * inner) + i]", "r = x < r || x != x ? x : r;")
    }
    // Long sums are made in double, so that a norm of many numbers keeps its digits.
    let sum = word == "fk_real" ? "double" : word
    return [
      "for (int64_t o = 0; o < \(outer); o++) for (int64_t i = 0; i < \(inner); i++) {",
      "\(sum) r = \(start);",
      "for (int64_t k = 0; k < \(extent); k++) {",
      "const \(word) x = ((const \(word) *)\(operand))[(o * \(extent) + k) * \(inner) + i];", step,
      "}", "((\(word) *)\(out))[o * \(inner) + i] = (\(word))r;", "}",
    ]
  }
}
