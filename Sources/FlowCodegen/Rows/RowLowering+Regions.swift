import FlowIR

extension RowLowering {
  /// Lowers a root: its region becomes nodes that are run until all lanes of the tile are done.
  ///
  ///     %x = monotone_root %y lower -inf upper inf      root of 3 elements [0..<3] {
  ///       (%z: rows x 3 x f32) {                          group of 3: …
  ///         …                                       →   }
  ///         yield %f, %s
  ///       }
  func lowerRoot(_ operation: TensorOperation, lower: Double, upper: Double) throws(CodegenError) {
    let region = operation.regions[0]
    let child = RowLowering(context: context, parent: self, isStepwise: isStepwise)
    child.isSearched = true
    let (target, _) = buffer(of: operation.operands[0])
    let state = context.makeBuffer(target.elements, "x\(region.arguments[0].id)")
    child.places[region.arguments[0]] = .buffer(state, ready: -1)
    try child.lower(region.operations, outputs: region.results)
    let value = child.buffer(of: region.results[0]).buffer
    let slope = child.buffer(of: region.results[1]).buffer
    let nodes = child.finished()
    add(
      RootNode(
        nodes: nodes, target: target, state: state, value: value, slope: slope,
        domain: (lower, upper), inverse: inverseTable(operation, nodes: nodes, state: state),
        context: context), operation.scope)
    places[operation.result] = .buffer(state, ready: count - 1)
  }

  /// Lowers a quadrature: its region becomes nodes that are run once for each node of the rule, what
  /// it yields is summed. Sums over rows within go on from one node of the rule to the next.
  func lowerQuadrature(_ operation: TensorOperation, nodes ruleNodes: Int) throws(CodegenError) {
    let region = operation.regions[0]
    let child = RowLowering(context: context, parent: self, isStepwise: isStepwise)
    var rows: [(result: Value, inner: Value)] = []
    var wanted: [Value] = []
    for (result, inner) in zip(operation.results, region.results) {
      if context.type(of: inner).hasRows {
        rows.append((result, inner))
      } else if !wantedSums.contains(result) {
        continue
      }
      child.sumNames[inner] = result
      wanted.append(inner)
    }
    let (a, b) = (
      buffer(of: operation.operands[0]).buffer, buffer(of: operation.operands[1]).buffer
    )
    let point = context.makeBuffer(a.elements, "t\(region.arguments[0].id)")
    let weight = context.makeBuffer(a.elements, "dt\(region.arguments[1].id)")
    child.places[region.arguments[0]] = .buffer(point, ready: -1)
    child.places[region.arguments[1]] = .buffer(weight, ready: -1)
    try child.lower(Self.needed(region.operations, for: wanted), outputs: rows.map(\.inner))
    let sums = rows.map { result, inner in
      let value = child.buffer(of: inner).buffer
      return QuadratureNode.Sum(
        value: value, total: context.makeBuffer(value.elements, "v\(result.id)"))
    }
    let nodes = child.finished()
    let canBeEmpty =
      isSearched
      && rows.allSatisfy { Self.isMultiple($0.inner, of: region.arguments[1], in: region) }
      && nodes.flatMap(\.all).allSatisfy { $0.body.reductions.isEmpty && $0.body.isFunction }
    add(
      QuadratureNode(
        nodes: nodes, count: ruleNodes, limits: (a, b), point: point, weight: weight,
        sums: sums, canBeEmpty: canBeEmpty), operation.scope)
    for ((result, _), sum) in zip(rows, sums) {
      places[result] = .buffer(sum.total, ready: count - 1)
    }
  }

  /// Whether a value is the product of another and something.
  private static func isMultiple(_ value: Value, of factor: Value, in region: Region) -> Bool {
    region.operations.contains { operation in
      guard case .binary(.multiply) = operation.opcode else { return false }
      return operation.results == [value] && operation.operands.contains(factor)
    }
  }

  /// The operations that some values depend on.
  private static func needed(_ operations: [TensorOperation], for values: [Value])
    -> [TensorOperation]
  {
    var live = Set(values)
    var kept: [TensorOperation] = []
    for operation in operations.reversed()
    where operation.results.contains(where: { live.contains($0) }) {
      live.formUnion(operation.inputs)
      kept.append(operation)
    }
    return kept.reversed()
  }
}
