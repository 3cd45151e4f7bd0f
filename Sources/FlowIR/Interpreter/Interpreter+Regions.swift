extension Interpreter {
  /// Bisection: the interval in which the function reaches the target is halved until nothing lies
  /// between its ends. It starts from [-1, 1], or where that meets the domain, and grows. A function
  /// that is NaN in the middle of a bounded domain, else at its point nearest to 0, has no root.
  mutating func runRoot(_ operation: TensorOperation, lower: Double, upper: Double) {
    let target = value(operation.operands[0])
    let region = operation.regions[0]
    let (bottom, top) = (
      Swift.max(lower, -.greatestFiniteMagnitude), Swift.min(upper, .greatestFiniteMagnitude)
    )
    let start = Swift.min(Swift.max(0, bottom), top)
    let isBounded = lower > -.infinity && upper < .infinity
    let origin = isBounded ? lower / 2 + upper / 2 : start
    let atOrigin = evaluate(
      region, at: [Double](repeating: origin, count: target.values.count))
    var low = [Double](repeating: Swift.max(start - 1, bottom), count: target.values.count)
    var high = [Double](repeating: Swift.min(start + 1, top), count: target.values.count)

    var isOpen = true
    while isOpen {
      isOpen = false
      let (below, above) = (evaluate(region, at: low), evaluate(region, at: high))
      for index in low.indices {
        // Points at which the function overflows to NaN lie too far out.
        if below[index] > target.values[index], low[index] > bottom {
          (high[index], low[index]) = (low[index], Swift.max(low[index] * 2 - 1, bottom))
          isOpen = true
        } else if above[index] < target.values[index], high[index] < top {
          (low[index], high[index]) = (high[index], Swift.min(high[index] * 2 + 1, top))
          isOpen = true
        }
      }
    }
    isOpen = true
    while isOpen {
      isOpen = false
      let middle = zip(low, high).map { $0 / 2 + $1 / 2 }
      let found = evaluate(region, at: middle)
      for index in low.indices where low[index] < middle[index] && middle[index] < high[index] {
        isOpen = true
        if found[index] < target.values[index] {
          low[index] = middle[index]
        } else {
          high[index] = middle[index]
        }
      }
    }
    // The end of the interval at which the function is nearer to the target.
    let (below, above) = (evaluate(region, at: low), evaluate(region, at: high))
    let output = target.values.indices.map { index -> Double in
      let y = target.values[index]
      if y.isNaN || atOrigin[index].isNaN { return .nan }
      if y.isInfinite { return y < 0 ? lower : upper }
      return abs(below[index] - y) < abs(above[index] - y) ? low[index] : high[index]
    }
    self.values[operation.results[0]] = InterpreterTensor(type: target.type, values: output)
  }

  /// The first value that a region of one argument yields, in every row.
  private mutating func evaluate(_ region: Region, at x: [Double]) -> [Double] {
    let argument = region.arguments[0]
    values[argument] = InterpreterTensor(type: function.type(of: argument), values: x)
    run(region.operations)
    let found = value(region.results[0])
    return found.type.hasRows ? found.values : (0..<rows).flatMap { _ in found.values }
  }

  /// The sum over the nodes of what the region yields.
  mutating func runQuadrature(_ operation: TensorOperation, nodes: Int) {
    let (a, b) = (value(operation.operands[0]), value(operation.operands[1]))
    let region = operation.regions[0]
    let rule = GaussLegendre.rule(nodes)
    var sums: [[Double]] = []
    for (u, w) in zip(rule.nodes, rule.weights) {
      values[region.arguments[0]] = InterpreterTensor(
        type: a.type, values: zip(a.values, b.values).map { $0 + ($1 - $0) * u })
      values[region.arguments[1]] = InterpreterTensor(
        type: a.type, values: zip(a.values, b.values).map { ($1 - $0) * w })
      run(region.operations)
      let found = region.results.map { value($0).values }
      sums =
        sums.isEmpty ? found : zip(sums, found).map { pair in zip(pair.0, pair.1).map { $0 + $1 } }
    }
    for (result, sum) in zip(operation.results, sums) {
      values[result] = InterpreterTensor(type: function.type(of: result), values: sum)
    }
  }
}
