import FlowIR

extension ReversePass {
  /// The adjoint of the accepted steps: exact for the solution that was computed, its step sizes
  /// taken as given.
  ///
  /// The second region of `ode_adjoint` pulls a cotangent `g` of the derivatives back through one
  /// evaluation of the dynamics, to the states and to what the dynamics read from outside. Sums over
  /// rows that this makes are results of the operation; what is computed from them is linear, so it
  /// is applied to the sums over all steps, after the operation.
  func solveRule(
    _ operation: TensorOperation, _ control: ODEControl, isRecorded: Bool
  ) throws(TypeError) {
    let region = operation.regions[0]
    let states = Array(operation.operands.dropFirst(2))
    let solution = Array(operation.results.prefix(states.count))
    try timeRule(
      operation, index: 1, states: solution, cotangents: solution.map { cotangents[$0] })
    let inputs = region.captures.filter { isActive($0) }
    let record: Value
    if isRecorded, let last = operation.results.last {
      record = last
    } else {
      let copy = try copied(region)
      record =
        try builder.append(
          .odeSolve(control, isRecorded: true), operation.operands, regions: [copy]
        )
        .last ?? solution[0]
    }
    let seeds = solution.map { value in cotangents[value] ?? like(value, 0) }

    let dynamics = try copied(region)
    let times = region.arguments[0]
    let types = states.map { type($0).with(hasRows: true) }
    let arguments = builder.beginRegion([type(times)] + types + types)
    let points = Array(arguments[1...states.count])
    let gradients = arguments.dropFirst(1 + states.count)
    var map: [Value: Value] = [:]
    for (old, new) in zip(region.arguments, arguments) { map[old] = new }
    for inner in region.operations { try builder.copyWithin(inner, mapping: &map) }
    var inner: [Value: Value] = [:]
    for (result, gradient) in zip(region.results, gradients) {
      let value = map[result] ?? result
      inner[value] =
        try inner[value].map { known throws(TypeError) in
          try plus(known, gradient)
        } ?? gradient
    }
    let found = try run(
      builder.currentOperations, seeds: inner, wanted: Set(points).union(inputs))
    var yielded: [Value] = []
    for point in points { yielded.append(try completed(found[point], for: point)) }
    var parts: [(input: Value, part: Value)] = []
    for input in inputs {
      guard let part = found[input] else { continue }
      let hasRows = type(part).hasRows || !type(input).hasRows
      parts.append((input, hasRows ? part : try completed(part, for: input)))
    }
    let whole = builder.endRegion(results: [])
    let split = SumSplit(whole, parts.map(\.part), type: type)
    let adjoint = Region(
      arguments: whole.arguments, operations: split.inside, results: yielded + split.yielded)
    let results = try builder.append(
      .odeAdjoint(steps: control.steps), [record] + seeds, regions: [dynamics, adjoint])
    var outside: [Value: Value] = [:]
    for (value, result) in zip(split.yielded, results.dropFirst(states.count)) {
      outside[value] = result
    }
    for operation in split.after { try builder.copyWithin(operation, mapping: &outside) }
    try timeRule(
      operation, index: 0, states: states, cotangents: Array(results.prefix(states.count)))
    for (state, result) in zip(states, results) { try add(result, to: state, isRow: true) }
    for (input, part) in parts {
      // Already summed over rows where the input is uniform.
      try add(outside[part] ?? part, to: input, isRow: false)
    }
  }

  /// Adds the cotangent of time `index`: the derivatives of the states at that time multiplied by their
  /// cotangents, with the opposite sign for the start.
  private func timeRule(
    _ operation: TensorOperation, index: Int, states: [Value], cotangents: [Value?]
  ) throws(TypeError) {
    let region = operation.regions[0]
    let time = operation.operands[index]
    guard isActive(time) else { return }
    var map: [Value: Value] = [region.arguments[0]: time]
    for (argument, value) in zip(region.arguments.dropFirst(), states) { map[argument] = value }
    for inner in region.operations { try builder.copyWithin(inner, mapping: &map) }
    for (result, cotangent) in zip(region.results, cotangents) {
      guard let cotangent else { continue }
      let product = try multiply(cotangent, map[result] ?? result)
      let flat = try builder.emit(.reshape([type(product).elementCount]), product)
      let sum = try builder.emit(.reduce(.sum, axis: 0), flat)
      try add(index == 1 ? sum : try unary(.negate, sum), to: time, isRow: true)
    }
  }

  /// A region of its own with the same operations.
  private func copied(_ region: Region) throws(TypeError) -> Region {
    let arguments = builder.beginRegion(region.arguments.map(type))
    var map: [Value: Value] = [:]
    for (old, new) in zip(region.arguments, arguments) { map[old] = new }
    for inner in region.operations { try builder.copyWithin(inner, mapping: &map) }
    return builder.endRegion(results: region.results.map { map[$0] ?? $0 })
  }
}

/// Splits the operations of a region into those that stay, and uniform ones that use sums over rows.
private struct SumSplit {
  /// The operations that stay in the region.
  var inside: [TensorOperation] = []
  /// The operations that run once all steps have been summed, and the values that they need.
  var after: [TensorOperation] = []
  /// The values that the region yields so that `parts` can be computed after it.
  var yielded: [Value] = []

  init(_ region: Region, _ parts: [Value], type: (Value) -> TensorType) {
    var sums: Set<Value> = []
    var late: Set<Value> = []
    var definitions: [Value: TensorOperation] = [:]
    for operation in region.operations {
      for result in operation.results { definitions[result] = operation }
      if operation.sumsRows {
        sums.formUnion(operation.results)
      } else if operation.inputs.contains(where: { sums.contains($0) || late.contains($0) }) {
        late.formUnion(operation.results)
        continue
      }
      inside.append(operation)
    }
    var needed: Set<Value> = []
    var yields: Set<Value> = []
    var pending = parts
    while let value = pending.popLast() {
      if sums.contains(value) || type(value).hasRows {
        if yields.insert(value).inserted { yielded.append(value) }
      } else if let operation = definitions[value], needed.insert(value).inserted {
        pending += operation.operands
      }
    }
    after = region.operations.filter { $0.results.contains { needed.contains($0) } }
    yielded.sort()
  }
}
