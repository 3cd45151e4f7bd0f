import FlowIR

extension ReversePass {
  /// The integral of v(t, dt) from a to b, with v linear in dt: b gets (∂v(b, dt)/∂dt)ᵀ g, a minus
  /// the same at a, and what v uses from outside gets the integral of (∂v/∂θ)ᵀ g.
  func quadratureRule(_ operation: TensorOperation, nodes: Int) throws(TypeError) {
    let region = operation.regions[0]
    var given: [(result: Value, inner: Value)] = []
    for (result, inner) in zip(operation.results, region.results) where cotangents[result] != nil {
      given.append((result, inner))
    }
    func seeds(_ map: [Value: Value]) throws(TypeError) -> [Value: Value] {
      var found: [Value: Value] = [:]
      for (result, inner) in given {
        guard let g = cotangents[result] else { continue }
        let value = map[inner] ?? inner
        found[value] = try found[value].map { known throws(TypeError) in try plus(known, g) } ?? g
      }
      return found
    }
    for (index, limit) in operation.operands.enumerated() where isActive(limit) {
      // Ones, one a row, so that the cotangent stays one a row.
      let condition = try unary(.isNaN, limit)
      let dt = try select(condition, like(limit, 1), like(limit, 1))
      var map = [region.arguments[0]: limit, region.arguments[1]: dt]
      let start = builder.currentOperations.count
      for inner in region.operations { try builder.copyWithin(inner, mapping: &map) }
      let body = Array(builder.currentOperations[start...])
      guard let value = try run(body, seeds: try seeds(map), wanted: [dt])[dt] else { continue }
      try add(index == 0 ? try unary(.negate, value) : value, to: limit, isRow: true)
    }
    let captures = Set(region.captures.filter { isActive($0) })
    if captures.isEmpty { return }
    let arguments = builder.beginRegion(operation.operands.map { type($0) })
    var map = Dictionary(uniqueKeysWithValues: zip(region.arguments, arguments))
    for inner in region.operations { try builder.copyWithin(inner, mapping: &map) }
    let found = try run(builder.currentOperations, seeds: try seeds(map), wanted: captures)
    var parts: [(value: Value, cotangent: Value)] = []
    for (value, part) in found.sorted(by: { $0.key < $1.key }) {
      parts.append((value, type(value).hasRows ? try completed(part, for: value) : part))
    }
    try integrate(
      builder.endRegion(results: parts.map(\.cotangent)), parts, operation.operands, nodes)
  }

  /// Appends the quadrature of cotangents. What follows the sums over rows is linear in them, so it
  /// is done once, after the nodes.
  private func integrate(
    _ region: Region, _ parts: [(value: Value, cotangent: Value)], _ limits: [Value], _ nodes: Int
  ) throws(TypeError) {
    var sums: [Value] = []
    var after: Set<Value> = []
    var inside: [TensorOperation] = []
    var tail: [TensorOperation] = []
    for operation in region.operations {
      if operation.inputs.contains(where: { after.contains($0) }) {
        tail.append(operation)
        after.formUnion(operation.results)
        continue
      }
      inside.append(operation)
      let found = operation.sumsRows ? operation.results.filter { !type($0).hasRows } : []
      sums += found
      after.formUnion(found)
    }
    let rows = region.results.filter { !after.contains($0) }
    let used = Set(tail.flatMap(\.inputs) + region.results)
    let yielded = rows + sums.filter { used.contains($0) }
    let results = try builder.append(
      .quadrature(nodes: nodes), limits,
      regions: [Region(arguments: region.arguments, operations: inside, results: yielded)])
    var map: [Value: Value] = [:]
    for (inner, result) in zip(yielded, results) { map[inner] = result }
    for operation in tail { try builder.copyWithin(operation, mapping: &map) }
    for (value, cotangent) in parts {
      try add(map[cotangent] ?? cotangent, to: value, isRow: false)
    }
  }
}
