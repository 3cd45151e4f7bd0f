import FlowIR

extension RowLowering {
  /// Lowers the solution of an ODE to a loop of steps around the nodes of its region.
  ///
  ///     %x1 = ode_solve %t0, %t1, %x0 …           ode solve, 3 elements, at most 1024 steps
  ///       (%t, %x) {                              {
  ///         %h = linear %x, %w               →      linear 64 x 3 …
  ///         …                                       …
  ///       }                                       }
  func lowerSolve(
    _ operation: TensorOperation, _ control: ODEControl, isRecorded: Bool
  ) throws(CodegenError) {
    let region = operation.regions[0]
    let start = copy(operation.operands[0], "t0")
    let end = copy(operation.operands[1], "t1")
    let initial = operation.operands.dropFirst(2).map { copy($0, "state") }
    let body = try lowerBody(region)
    let states = initial.indices.map { index in
      ODESolveNode.State(
        x: initial[index],
        k: context.makeBuffer(ODESolveNode.stages * initial[index].elements, "stages"),
        point: body.arguments[1 + index], derivative: body.results[index])
    }
    var record: Buffer?
    if isRecorded, let value = operation.results.last, users[value] != nil {
      try checkUses(of: value)
      let buffer = context.makeBuffer(context.type(of: value).elementCount + 1, "record")
      places[value] = .buffer(buffer, ready: count)
      records[value] = buffer
      record = buffer
    }
    let block = context.makeBuffer(ODESolveNode.controlElements, "control")
    for (state, result) in zip(states, operation.results) {
      places[result] = .buffer(state.x, ready: count)
    }
    add(
      ODESolveNode(
        control: control, block: block, start: start, end: end, time: body.arguments[0],
        states: states, record: record, nodes: body.nodes), operation.scope)
  }

  /// Lowers the adjoint of an ODE's solution: the recorded steps from the last to the first, with
  /// the first region's nodes to find the states of a step's stages and the second's to pull
  /// cotangents back.
  func lowerAdjoint(_ operation: TensorOperation) throws(CodegenError) {
    guard case .odeAdjoint(let steps) = operation.opcode,
      let record = record(of: operation.operands[0])
    else {
      throw .unsupported(
        operation: "ode_adjoint of a value that no recorded ode_solve made",
        scope: operation.scope.path)
    }
    let cotangents = operation.operands.dropFirst().map { copy($0, "cotangent") }
    let stateCount = cotangents.count
    let dynamics = try lowerBody(operation.regions[0])
    let first = reductions.count
    let adjoint = try lowerBody(operation.regions[1])
    let pulled = operation.regions[1].results
    var outside: [Value: Value] = [:]
    for (inner, outer) in zip(pulled, operation.results) { outside[inner] = outer }
    for index in first..<reductions.count {
      let reduction = reductions[index]
      reductions[index] = RowReduction(
        kind: reduction.kind, value: outside[reduction.value] ?? reduction.value,
        elements: reduction.elements)
    }
    let states = (0..<stateCount).map { index in
      let elements = cotangents[index].elements
      return ODEAdjointNode.State(
        k: context.makeBuffer(ODEAdjointNode.forwardStages * elements, "stages"),
        point: dynamics.arguments[1 + index],
        derivative: dynamics.results[index], adjointPoint: adjoint.arguments[1 + index],
        seed: adjoint.arguments[1 + stateCount + index], pulled: adjoint.results[index],
        h: context.makeBuffer(ODEAdjointNode.backwardStages * elements, "pulled"),
        cotangent: cotangents[index])
    }
    var sums: [ODEAdjointNode.Sum] = []
    let extras = zip(operation.results, adjoint.results).dropFirst(stateCount)
    for (result, part) in extras where context.type(of: result).hasRows {
      let total = context.makeBuffer(part.elements, "sum")
      places[result] = .buffer(total, ready: count)
      sums.append(ODEAdjointNode.Sum(part: part, total: total))
    }
    let block = context.makeBuffer(ODESolveNode.controlElements, "control")
    for (state, result) in zip(states, operation.results) {
      places[result] = .buffer(state.cotangent, ready: count)
    }
    add(
      ODEAdjointNode(
        steps: steps, block: block, time: dynamics.arguments[0],
        adjointTime: adjoint.arguments[0], record: record, states: states, sums: sums,
        innerReductions: Array(first..<reductions.count), dynamics: dynamics.nodes,
        adjoint: adjoint.nodes), operation.scope)
  }

  /// The buffer of an ODE's recorded steps, for the value that represents them; nil for other values.
  private func record(of value: Value) -> Buffer? {
    records[value] ?? parent?.record(of: value)
  }

  /// A region's nodes, the buffers that its arguments are read from, and those of its results;
  /// uniform results have an empty one, since they are sums that the nodes make.
  private func lowerBody(_ region: Region) throws(CodegenError) -> (
    nodes: [Node], arguments: [Buffer], results: [Buffer]
  ) {
    let child = RowLowering(context: context, parent: self)
    child.reductions = reductions
    let arguments = region.arguments.map { argument in
      let buffer = context.makeBuffer(context.type(of: argument).elementCount, "argument")
      child.places[argument] = .buffer(buffer, ready: -1)
      return buffer
    }
    try child.lower(region.operations, outputs: region.results)
    let made = Set(child.reductions.map(\.value))
    let results = region.results.map { result in
      made.contains(result) ? context.makeBuffer(0, "sum") : child.buffer(of: result).buffer
    }
    reductions = child.reductions
    return (child.finished(), arguments, results)
  }

  /// A buffer that starts with the elements of a value, and that the loop then changes.
  private func copy(_ value: Value, _ name: String) -> Buffer {
    let refs = context.views.elements(of: value)
    let buffer = context.makeChangingBuffer(refs.count, name)
    _ = materialize(refs, into: buffer)
    return buffer
  }

  /// Makes sure that only adjoints read the recorded steps: what nothing else can ask for is not recorded.
  private func checkUses(of record: Value) throws(CodegenError) {
    for index in users[record] ?? [] {
      if index >= 0, case .odeAdjoint = operations[index].opcode { continue }
      let scope = index >= 0 ? operations[index].scope.path : ""
      throw .unsupported(
        operation: "a use of recorded steps other than in ode_adjoint", scope: scope)
    }
  }
}
