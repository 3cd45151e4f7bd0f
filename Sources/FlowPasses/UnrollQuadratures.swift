import FlowIR

/// Writes out the nodes of a short quadrature of a function of each element.
///
///     %q = quadrature %a, %b nodes 2                %d = subtract %b, %a
///       (%t: …, %dt: …) {                           %t1 = add %a, (multiply %d, 0.211…)
///         … %y                                →     … %y1, of %t1 and 0.5
///         yield %y                                  %t2 = add %a, (multiply %d, 0.788…)
///       }                                           … %y2, of %t2 and 0.5
///                                                   %q = multiply (add %y1, %y2), %d
///
/// The nodes become part of one group, with what surrounds them: numbers that they share are read once, and their sum
/// stays in registers. Long rules, and those with layers, are loops whose weights are packed once.
///
/// Rules that are exact for the integrand give the same integral. That of a polynomial is written with Radau's nodes,
/// of which one is the upper limit, where the integrand is often wanted as the slope; and with no more than its degree
/// needs.
///
/// It runs after differentiation, since the derivative with respect to a limit is the integrand there.
public let unrollQuadratures = Pass(
  name: "unroll-quadratures",
  summary: "writes out the nodes of short quadratures of pointwise functions"
) { function, budget throws(TypeError) in
  try Rewriter(function, budget: budget).run { operation, rewriter throws(TypeError) in
    guard case .quadrature(let count) = operation.opcode else { return nil }
    let rule = rule(for: operation.regions[0], count: count)
    guard isShort(operation.regions[0], count: rule.nodes.count) else { return nil }
    return try sum(operation, rule, rewriter)
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

/// The nodes and weights that the integral of what a region yields is written out with.
private func rule(for region: Region, count: Int) -> (nodes: [Double], weights: [Double]) {
  guard let degree = polynomialDegree(of: region) else { return GaussLegendre.rule(count) }
  let needed = (degree + 1) / 2 + 1
  return needed <= count ? GaussRadau.rule(needed) : GaussLegendre.rule(count)
}

/// The results of a quadrature, as sums over its nodes.
private func sum(
  _ operation: TensorOperation, _ rule: (nodes: [Double], weights: [Double]), _ rewriter: Rewriter
) throws(TypeError) -> [Value] {
  let region = operation.regions[0]
  let nodes = try QuadratureNodes(operation, rewriter)
  var sums: [Value] = []
  for (node, weight) in zip(rule.nodes, rule.weights) {
    var map = [
      region.arguments[0]: try nodes.place(at: node),
      region.arguments[1]: try nodes.length(of: weight),
    ]
    for inner in region.operations {
      if let product = try nodes.product(inner, at: node) {
        map[inner.results[0]] = product
      } else {
        try rewriter.builder.copyWithin(inner, mapping: &map)
      }
    }
    let values = region.results.map { map[$0] ?? $0 }
    if sums.isEmpty {
      sums = values
      continue
    }
    for (place, value) in values.enumerated() {
      sums[place] = try rewriter.emit(.binary(.add), sums[place], value)
    }
  }
  return try nodes.total(sums)
}

/// The interval of a quadrature whose nodes are written out.
private struct QuadratureNodes {
  private let region: Region
  private let rewriter: Rewriter
  private let (start, end, width): (Value, Value, Value)
  private let isFromZero: Bool
  /// Whether the sums are multiplied by the interval's length, since what a region yields is linear in it, and not
  /// each node's weight.
  private let isScaledLast: Bool

  init(_ operation: TensorOperation, _ rewriter: Rewriter) throws(TypeError) {
    self.rewriter = rewriter
    region = operation.regions[0]
    (start, end) = (operation.operands[0], operation.operands[1])
    isFromZero = rewriter.isZero(start)
    width = isFromZero ? end : try rewriter.emit(.binary(.subtract), end, start)
    let type = rewriter.type(of: end)
    isScaledLast = region.results.allSatisfy { rewriter.type(of: $0) == type }
  }

  private func constant(_ number: Double) -> Value {
    let type = rewriter.type(of: end)
    return rewriter.builderSplat(number, shape: type.shape, dtype: type.dtype)
  }

  private func scaled(by factor: Double) throws(TypeError) -> Value {
    try rewriter.emit(.binary(.multiply), width, constant(factor))
  }

  /// t of a node.
  func place(at node: Double) throws(TypeError) -> Value {
    if node == 1 { return end }
    let offset = try scaled(by: node)
    return isFromZero ? offset : try rewriter.emit(.binary(.add), start, offset)
  }

  /// dt of a node.
  func length(of weight: Double) throws(TypeError) -> Value {
    isScaledLast ? constant(weight) : try scaled(by: weight)
  }

  /// What an operation within gives at a node if it multiplies t by a number: one product with the limit; nil for
  /// other operations.
  func product(
    _ operation: TensorOperation, at node: Double
  ) throws(TypeError) -> Value? {
    guard isFromZero, node != 1, operation.opcode == .binary(.multiply) else { return nil }
    for (number, factor) in [(0, 1), (1, 0)] where operation.operands[number] == region.arguments[0]
    {
      if let splat = rewriter.splat(of: operation.operands[factor]) {
        return try scaled(by: node * splat)
      }
    }
    return nil
  }

  /// The integrals, from the sums over the nodes.
  func total(_ sums: [Value]) throws(TypeError) -> [Value] {
    guard isScaledLast else { return sums }
    var totals: [Value] = []
    for sum in sums { totals.append(try rewriter.emit(.binary(.multiply), sum, width)) }
    return totals
  }
}

extension Rewriter {
  /// Whether a new value is 0 in all rows, also as either side of a select.
  fileprivate func isZero(_ value: Value) -> Bool {
    if splat(of: value) == 0 { return true }
    guard let choice = definition(of: value), choice.opcode == .select else { return false }
    return choice.operands.dropFirst().allSatisfy { splat(of: $0) == 0 }
  }
}
