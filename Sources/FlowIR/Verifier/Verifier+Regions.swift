extension FunctionVerifier {
  /// I6: what the regions of each operation must be.
  mutating func checkRegions(_ operation: TensorOperation) {
    let opcode = operation.opcode
    guard operation.regions.count == opcode.regionCount else {
      fault(
        "I6", "\(opcode.name) takes \(opcode.regionCount) regions, found \(operation.regions.count)"
      )
      return
    }
    switch opcode {
    case .odeSolve:
      // Constraint C4 covers what the region yields.
      checkDynamics(operation.regions[0], states: operation.operands.dropFirst(2))
    case .odeAdjoint:
      let states = operation.operands.dropFirst()
      checkDynamics(operation.regions[0], states: states)
      checkDerivatives(operation.regions[0], states: states)
      checkAdjoint(operation.regions[1], states: states)
    case .autoregressiveInverse: checkInverse(operation.regions[0])
    case .monotoneRoot:
      checkArguments(operation, count: 1)
      if operation.regions[0].sumsRows {
        fault("I6", "nothing may be summed over rows within monotone_root")
      }
    case .quadrature:
      checkArguments(operation, count: 2)
      let region = operation.regions[0]
      let sums = Set(region.operations.filter(\.sumsRows).flatMap(\.results))
      for result in region.results where !type(result).hasRows && !sums.contains(result) {
        fault(
          "I6", "what quadrature yields must have rows or be summed over rows within its region")
      }
    case .constant, .unary, .binary, .compare, .select, .convert, .reduce, .cumulativeSum, .search,
      .take, .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather, .scatterAdd,
      .linear, .linearWeightGradient, .matmul, .matrixExponential, .cholesky, .triangularSolve,
      .rowSum, .rowCount, .random:
      break
    }
  }

  private func type(_ value: Value) -> TensorType { function.type(of: value) }

  /// A region whose arguments all have the first operand's type.
  private mutating func checkArguments(_ operation: TensorOperation, count: Int) {
    let region = operation.regions[0]
    guard region.arguments.count == count, !region.results.isEmpty else {
      fault(
        "I6",
        "needs one region with \(count == 1 ? "one argument" : "\(count) arguments") and a result")
      return
    }
    guard let operand = operation.operands.first else { return }
    for argument in region.arguments where type(argument) != type(operand) {
      fault("I6", "the region's argument \(type(argument)) must be \(type(operand))")
    }
  }

  private mutating func checkInverse(_ region: Region) {
    guard region.arguments.count == 1 else {
      fault("I6", "needs one region with one argument")
      return
    }
    // Constraint C2 requires that the region yields something.
    guard let first = region.results.first else { return }
    let argument = type(region.arguments[0])
    if !argument.hasRows || argument.rank != 1 || argument != type(first) {
      fault("I6", "the region's argument \(argument) must be a row vector of the type it yields")
    }
  }

  /// Whether a region takes `t`, followed by the states a given number of times.
  private mutating func takesStates(_ region: Region, _ states: [TensorType], copies: Int) -> Bool {
    let wanted =
      [TensorType.row([], states.first?.dtype ?? .f32)]
      + (0..<copies).flatMap { _ in states }
    let found = region.arguments.map(type)
    if found != wanted { fault("I6", "the region must take \(wanted), found \(found)") }
    return found == wanted
  }

  private mutating func checkDynamics(_ region: Region, states: ArraySlice<Value>) {
    let types = states.map { type($0).with(hasRows: true) }
    guard takesStates(region, types, copies: 1) else { return }
    if region.sumsRows {
      fault("I6", "nothing may be summed over rows in the dynamics of an ODE")
    }
  }

  private mutating func checkDerivatives(_ region: Region, states: ArraySlice<Value>) {
    let types = states.map { type($0).with(hasRows: true) }
    // Constraint C1 requires at least one state.
    if types.isEmpty { return }
    let yielded = region.results.map { type($0).with(hasRows: true) }
    if yielded != types {
      fault("I6", "the region must yield the derivatives \(types), found \(yielded)")
    }
  }

  private mutating func checkAdjoint(_ region: Region, states: ArraySlice<Value>) {
    let types = states.map { type($0).with(hasRows: true) }
    guard takesStates(region, types, copies: 2) else { return }
    let made = Set(region.operations.filter(\.sumsRows).flatMap(\.results))
    for result in region.results where !type(result).hasRows && !made.contains(result) {
      fault("I6", "a uniform value that the second region yields must be a sum over rows")
    }
  }
}
