import FlowIR

extension StepPrinter {
  /// A loop over uniform operations, each thread its share.
  func statements(_ step: UniformStep) -> [String] {
    if step.isPointwise { return pointwise(step) }
    switch step.share {
    case .one(let place): return [Self.only(place)] + single(step) + ["}"]
    case .piece, .apart: return single(step)
    }
  }

  /// The start of a block in which a thread makes elements [begin, end) of a result.
  func begin(_ step: UniformStep) -> [String] {
    step.share.isOne
      ? ["{", "const int64_t begin = 0, end = \(step.count);"]
      : Self.begin(step.share, count: step.count)
  }

  func pointer(_ value: Value) -> String { places.pointer(value) }

  func type(of value: Value) -> TensorType { program.views.type(of: value) }

  private func single(_ step: UniformStep) -> [String] {
    let operation = step.operations[0]
    let result = operation.result
    let type = type(of: result)
    let out = pointer(result)
    let operands = operation.operands.map { pointer($0) }
    let shapes = operation.operands.map { self.type(of: $0).shape }
    let word = type.dtype.isFloat ? "fk_real" : "fk_word"
    func assign(_ index: String, _ source: String) -> String {
      "((\(word) *)\(out))[\(index)] = \(source);"
    }
    switch operation.opcode {
    case .reshape, .broadcast, .transpose, .slice, .gather:
      return copyView(step, word: word)
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
      guard let working = program.storage.working[result] else {
        preconditionFailure("value \(result.id) has no working memory")
      }
      return [
        KernelCall.matrixExponential(
          matrix: operands[0], n: shapes[0][0], work: "(double *)\(places.pointer(working))",
          out: out
        ).statement
      ]
    case .cholesky:
      return [KernelCall.cholesky(a: operands[0], n: shapes[0][0], lower: out).statement]
    case .triangularSolve(let upper, let unit):
      let n = type.shape[type.rank - 1]
      let systems = KernelCall.Systems(
        step: shapes[0].count == 2 ? 0 : n * n, vectors: type.elementCount / n, n: n,
        upper: upper, unit: unit)
      return [
        KernelCall.triangularSolve(a: operands[0], b: operands[1], x: out, systems).statement
      ]
    case .rowCount: return [assign("0", "(fk_real)rows")]
    case .random(let distribution, _, let stream):
      let (key0, key1) = places.key(operation.operands[0])
      let call = KernelCall.randomShared(
        normal: distribution == .normal, key0: key0, key1: key1, stream: stream, out: out)
      return begin(step) + [call.statement, "}"]
    case .constant, .unary, .binary, .compare, .select, .convert, .linearWeightGradient, .rowSum,
      .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot, .quadrature:
      preconditionFailure("\(operation.opcode.name) is not a uniform loop")
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
    case .sum: (start, step) = (Expressions.plain(reduction.identity(.f64)), "r += x;")
    case .product: (start, step) = (Expressions.plain(reduction.identity(.f64)), "r *= x;")
    case .maximum:
      (start, step) = ("\(operand)[o * \(extent * inner) + i]", "r = x > r || x != x ? x : r;")
    case .minimum:
      (start, step) = ("\(operand)[o * \(extent * inner) + i]", "r = x < r || x != x ? x : r;")
    }
    // Long sums are accumulated in double precision, so that a norm of many numbers stays accurate.
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
