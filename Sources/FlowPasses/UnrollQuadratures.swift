import FlowIR

/// Writes out the nodes of a short quadrature of a function of each element.
///
///     %q = quadrature %a, %b nodes 2                %d = subtract %b, %a
///       (%t: …, %dt: …) {                           %t1 = add %a, (multiply %d, 0.211…)
///         … %y                                →     … %y1, of %t1 and (multiply %d, 0.5)
///         yield %y                                  %t2 = add %a, (multiply %d, 0.788…)
///       }                                           … %y2, of %t2 and (multiply %d, 0.5)
///                                                   %q = add %y1, %y2
///
/// The nodes become part of one group, with what surrounds them: numbers that they share are read once, and their sum
/// stays in registers. Long rules, and those with layers, are loops whose weights are packed once.
///
/// It runs after differentiation, since the derivative with respect to a limit is the integrand there.
public let unrollQuadratures = Pass(
  name: "unroll-quadratures",
  summary: "writes out the nodes of short quadratures of pointwise functions"
) { function, budget throws(TypeError) in
  try Rewriter(function, budget: budget).run { operation, rewriter throws(TypeError) in
    guard case .quadrature(let count) = operation.opcode,
      isShort(operation.regions[0], count: count)
    else { return nil }
    return try sum(operation, count: count, rewriter)
  }
}

/// The most nodes, and the most pointwise operations of all nodes, that are written out.
private let (mostNodes, mostOperations) = (8, 256)

private func isShort(_ region: Region, count: Int) -> Bool {
  let isOfElements = region.operations.allSatisfy { operation in
    if case .reduce = operation.opcode { return true }
    return operation.opcode.isPointwise || operation.opcode.isView
  }
  let pointwise = region.operations.count { $0.opcode.isPointwise }
  return isOfElements && count <= mostNodes && pointwise * count <= mostOperations
}

/// The results of a quadrature, as sums over its nodes.
private func sum(
  _ operation: TensorOperation, count: Int, _ rewriter: Rewriter
) throws(TypeError) -> [Value] {
  let region = operation.regions[0]
  let (start, end) = (operation.operands[0], operation.operands[1])
  let type = rewriter.type(of: start)
  func scaled(_ value: Value, by factor: Double) throws(TypeError) -> Value {
    let splat = rewriter.builder.splat(factor, shape: type.shape, dtype: type.dtype)
    return try rewriter.emit(.binary(.multiply), value, splat)
  }
  let isFromZero = rewriter.isZero(start)
  let width = isFromZero ? end : try rewriter.emit(.binary(.subtract), end, start)
  var sums: [Value] = []
  let rule = GaussLegendre.rule(count)
  for (node, weight) in zip(rule.nodes, rule.weights) {
    let offset = try scaled(width, by: node)
    var map = [
      region.arguments[0]: isFromZero
        ? offset : try rewriter.emit(.binary(.add), start, offset),
      region.arguments[1]: try scaled(width, by: weight),
    ]
    for inner in region.operations { try rewriter.builder.copyWithin(inner, mapping: &map) }
    let values = region.results.map { map[$0] ?? $0 }
    if sums.isEmpty {
      sums = values
      continue
    }
    for (place, value) in values.enumerated() {
      sums[place] = try rewriter.emit(.binary(.add), sums[place], value)
    }
  }
  return sums
}

extension Rewriter {
  /// Whether a new value is 0 in all rows, also as either side of a select.
  fileprivate func isZero(_ value: Value) -> Bool {
    if splat(of: value) == 0 { return true }
    guard let choice = definition(of: value), choice.opcode == .select else { return false }
    return choice.operands.dropFirst().allSatisfy { splat(of: $0) == 0 }
  }
}
