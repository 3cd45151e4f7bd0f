import FlowIR

extension RowLowering {
  /// Lowers a root: its region becomes nodes that are run until all lanes of the tile are done.
  ///
  ///     %x = monotone_root %y lower -inf upper inf      root of 3 elements [0..<3] {
  ///       (%z: rows x 3 x f32) {                          group of 3: …
  ///         …                                       →   }
  ///         yield %f, %s
  ///       }
  func lowerRoot(_ operation: Operation, lower: Double, upper: Double) throws(CodegenError) {
    let region = operation.regions[0]
    let child = RowLowering(context: context, parent: self, isStepwise: isStepwise)
    let (target, _) = buffer(of: operation.operands[0])
    let state = context.makeBuffer(target.elements, "x\(region.arguments[0].id)")
    child.places[region.arguments[0]] = .buffer(state, ready: -1)
    try child.lower(region.operations, outputs: region.results)
    let value = child.buffer(of: region.results[0]).buffer
    let slope = child.buffer(of: region.results[1]).buffer
    add(
      .root(
        RootNode(
          nodes: child.nodes, target: target, state: state, value: value, slope: slope,
          lower: lower, upper: upper, context: context)), operation.scope)
    places[operation.result] = .buffer(state, ready: nodes.count - 1)
  }

  /// Lowers a quadrature: its region becomes nodes that are run once for each node of the rule, what
  /// it yields is summed. Sums over rows within go on from one node of the rule to the next.
  func lowerQuadrature(_ operation: Operation, nodes count: Int) throws(CodegenError) {
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
    add(
      .quadrature(
        QuadratureNode(
          nodes: child.nodes, count: count, limits: (a, b), point: point, weight: weight,
          sums: sums)), operation.scope)
    for ((result, _), sum) in zip(rows, sums) {
      places[result] = .buffer(sum.total, ready: nodes.count - 1)
    }
  }

  /// The operations that some values depend on.
  private static func needed(_ operations: [Operation], for values: [Value]) -> [Operation] {
    var live = Set(values)
    var kept: [Operation] = []
    for operation in operations.reversed()
    where operation.results.contains(where: { live.contains($0) }) {
      live.formUnion(operation.inputs)
      kept.append(operation)
    }
    return kept.reversed()
  }
}

extension StepSchedule {
  /// An element's root is searched in one step: when its target and all that its function needs are
  /// final. What the function computes for it runs in that step too.
  func rootSteps(_ root: RootNode, ready: Readiness) -> [Int]? {
    var own = ready.steps(root.target)
    while true {
      for (element, step) in own.enumerated() { ready.raise(root.state, element, step) }
      guard propagate(root.nodes, ready: ready) else { return nil }
      let (value, slope) = (ready.steps(root.value), ready.steps(root.slope))
      let found = own.indices.map { max(own[$0], value[$0], slope[$0]) }
      if found == own { return own }
      own = found
    }
  }

  /// What a node of the rule leaves is overwritten by the next, so all that leads from an element of
  /// the point to a total must run in one step; nil if it can't.
  func quadratureSteps(_ node: QuadratureNode, ready: Readiness) -> [Int]? {
    let (a, b) = (ready.steps(node.limits.a), ready.steps(node.limits.b))
    var own = a.indices.map { max(a[$0], b[$0]) }
    while true {
      for (element, step) in own.enumerated() {
        ready.raise(node.point, element, step)
        ready.raise(node.weight, element, step)
      }
      guard propagate(node.nodes, ready: ready) else { return nil }
      var found = own
      for sum in node.sums where sum.value.elements % own.count == 0 {
        let inner = sum.value.elements / own.count
        for (element, step) in ready.steps(sum.value).enumerated() {
          found[element / inner] = max(found[element / inner], step)
        }
      }
      if found == own { break }
      own = found
    }
    guard runsTogether(node, own) else { return nil }
    for sum in node.sums {
      sum.steps = ready.steps(sum.value)
      for (element, step) in sum.steps.enumerated() { ready.raise(sum.total, element, step) }
    }
    return own
  }

  /// Whether every item that depends on the point runs at the step of the earliest element that it
  /// depends on: with the order of steps turned around, the latest is the earliest.
  private func runsTogether(_ node: QuadratureNode, _ own: [Int]) -> Bool {
    let turn = (own.max() ?? 0) + 1
    let turned = Readiness(node.point, own.map { turn - $0 })
    for (element, step) in own.enumerated() { turned.raise(node.weight, element, turn - step) }
    for inner in node.nodes {
      guard inner.inner.isEmpty, let found = itemSteps(of: inner, ready: turned) else {
        return false
      }
      for (latest, step) in zip(found, inner.itemSteps) where latest > 0 && turn - latest != step {
        return false
      }
    }
    return true
  }

  private func propagate(_ nodes: [Node], ready: Readiness) -> Bool {
    for node in nodes {
      // A sum over the items of a group would have to be cleared for the items of a step alone.
      if case .group(let group) = node.kind, !group.sums.isEmpty { return false }
      guard let steps = itemSteps(of: node, ready: ready) else { return false }
      node.itemSteps = steps
    }
    return true
  }
}
