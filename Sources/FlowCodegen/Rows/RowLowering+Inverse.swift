import FlowIR

extension RowLowering {
  /// Lowers a triangular inverse: its region becomes nodes whose items each run once, at the step
  /// when all that they read is final, if the dependences allow it.
  ///
  ///     %x = autoregressive_inverse passes 3          steps 3, each item once {
  ///       (%y) {                                        linear 3 x 3 in 3 panels … by step 1 1 1
  ///         %h = linear %y, %w mask @m0           →     …
  ///         …                                         }
  ///       }
  ///
  /// If more steps were needed than passes are asked for, every item runs in every pass.
  func lowerInverse(_ operation: TensorOperation, passes: Int) throws(CodegenError) {
    let region = operation.regions[0]
    let child = RowLowering(context: context, parent: self, isStepwise: true)
    let x = region.arguments[0]
    let elements = context.type(of: x).elementCount
    let state = context.makeBuffer(elements, "x\(x.id)")
    let next = context.makeBuffer(elements, "next\(x.id)")
    child.places[x] = .buffer(state, ready: -1)
    try child.lower(region.operations, outputs: region.results)
    _ = child.materialize(context.views.elements(of: region.results[0]), into: next)
    let extras = region.results.dropFirst().map { child.buffer(of: $0).buffer }
    let nodes = child.finished()
    let schedule = StepSchedule(nodes, state: state, next: next, limit: passes)
    add(
      StepsNode(
        nodes: schedule?.nodes ?? nodes, steps: schedule?.count ?? passes,
        isIncremental: schedule != nil, state: state, next: next), operation.scope)
    let ready = count - 1
    places[operation.results[0]] = .buffer(state, ready: ready)
    for (value, buffer) in zip(operation.results.dropFirst(), extras) {
      places[value] = .buffer(buffer, ready: ready)
    }
  }
}
