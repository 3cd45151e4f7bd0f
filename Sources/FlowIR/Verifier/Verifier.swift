/// The invariants of a function:
///
/// - I1: every value is defined once, before it is used; a region may use what is defined before
///   its operation, and nothing outside may use what a region defines.
/// - I2: the operands of every operation satisfy the constraints of its type rule (`IR/spec.md`).
/// - I3: the types of an operation's results are those that its type rule gives.
/// - I4: all floats of a function have one dtype.
/// - I5: the names of arguments are distinct, and so are those of results.
/// - I6: `autoregressive_inverse` has one region with one argument, a row vector, whose first
///   yielded value has the argument's type; `monotone_root` has one with one argument of the
///   target's type, in which nothing is summed over rows; `quadrature` has one with two arguments
///   of the limits' type, and yields row values and sums over rows made within, as they are;
///   `ode_solve` and `ode_adjoint` have regions whose arguments are `t`, a row scalar, and the
///   states (and their cotangents), in the first of which nothing is summed over rows; no other
///   operation has regions.
/// - I7: masks and constants are the size that their types say (held by construction).
public struct VerificationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The label of the invariant.
  public let invariant: String
  /// The operation's place, by count in its function from 0; nil for the function as a whole.
  public let operation: Int?
  /// The part of the model that the operation came from.
  public let scope: Scope
  /// What was found.
  public let message: String

  /// What was wrong, where, and what to do, in one line.
  public var description: String {
    let place = operation.map { "operation \($0)" } ?? "function"
    let part = scope.path.isEmpty ? "" : " (\(scope.path))"
    return "\(place)\(part): \(invariant): \(message)"
  }
}

extension Function {
  /// Checks the invariants.
  ///
  /// - Throws: `VerificationError` for the first that does not hold.
  public func verify() throws(VerificationError) {
    var verifier = FunctionVerifier(function: self)
    try verifier.run()
  }
}

private struct FunctionVerifier {
  let function: Function
  var defined: Set<Value> = []
  var everDefined: Set<Value> = []
  var index = 0
  var current: Operation?

  init(function: Function) { self.function = function }

  private func fail(_ invariant: String, _ message: String) -> VerificationError {
    VerificationError(
      invariant: invariant, operation: current == nil ? nil : index,
      scope: current?.scope ?? Scope(), message: message)
  }

  mutating func run() throws(VerificationError) {
    let names = function.arguments.map(\.name)
    if Set(names).count != names.count { throw fail("I5", "two arguments have the same name") }
    let results = function.results.map(\.name)
    if Set(results).count != results.count { throw fail("I5", "two results have the same name") }
    let floats = Set(function.types.map(\.dtype).filter(\.isFloat))
    if floats.count > 1 { throw fail("I4", "both f32 and f64 are used") }
    for argument in function.arguments { try define(argument.value) }
    try visit(function.operations)
    current = nil
    for result in function.results { try use(result.value) }
  }

  private mutating func define(_ value: Value) throws(VerificationError) {
    guard function.types.indices.contains(value.id) else {
      throw fail("I1", "value \(value.id) has no type")
    }
    guard everDefined.insert(value).inserted else {
      throw fail("I1", "value \(value.id) is defined twice")
    }
    defined.insert(value)
  }

  private func use(_ value: Value) throws(VerificationError) {
    if !defined.contains(value) {
      throw fail("I1", "value \(value.id) is used before it is defined")
    }
  }

  private mutating func visit(_ operations: [Operation]) throws(VerificationError) {
    for operation in operations {
      current = operation
      for operand in operation.operands { try use(operand) }
      var regionResults: [TensorType] = []
      for region in operation.regions {
        let outside = defined
        for argument in region.arguments { try define(argument) }
        try visit(region.operations)
        current = operation
        for result in region.results { try use(result) }
        defined = outside
        regionResults = region.results.map(function.type(of:))
      }
      try checkRegions(operation)
      let types: [TensorType]
      do {
        types = try operation.opcode.resultTypes(
          operands: operation.operands.map(function.type(of:)), regionResults: regionResults)
      } catch {
        throw fail("I2", "\(error)")
      }
      for result in operation.results { try define(result) }
      let found = operation.results.map(function.type(of:))
      if found != types {
        let list = { (types: [TensorType]) in types.map(\.description).joined(separator: ", ") }
        throw fail("I3", "\(operation.opcode.name) gives \(list(types)), found \(list(found))")
      }
      index += 1
    }
  }

  private func checkRegions(_ operation: Operation) throws(VerificationError) {
    guard operation.regions.count == operation.opcode.regionCount else {
      throw fail(
        "I6",
        "\(operation.opcode.name) takes \(operation.opcode.regionCount) regions, found "
          + "\(operation.regions.count)")
    }
    switch operation.opcode {
    case .odeSolve:
      let states = operation.operands.dropFirst(2)
      try checkDynamics(operation.regions[0], states: Array(states), copies: 1)
      return
    case .odeAdjoint:
      let states = Array(operation.operands.dropFirst())
      try checkDynamics(operation.regions[0], states: states, copies: 1)
      try checkDynamics(operation.regions[1], states: states, copies: 2)
      return
    default: if operation.regions.isEmpty { return }
    }
    var arguments = 1
    if case .quadrature = operation.opcode { arguments = 2 }
    guard operation.regions[0].arguments.count == arguments,
      let first = operation.regions[0].results.first
    else {
      let count = arguments == 1 ? "one argument" : "\(arguments) arguments"
      throw fail("I6", "needs one region with \(count) and a result")
    }
    if let operand = operation.operands.first {
      let expected = function.type(of: operand)
      for argument in operation.regions[0].arguments
      where function.type(of: argument) != expected {
        throw fail(
          "I6", "the region's argument \(function.type(of: argument)) must be \(expected)")
      }
      if case .monotoneRoot = operation.opcode, operation.regions[0].sumsRows {
        throw fail("I6", "nothing may be summed over rows within monotone_root")
      }
      if case .quadrature = operation.opcode {
        let sums = operation.regions[0].operations.filter(\.sumsRows).flatMap(\.results)
        for result in operation.regions[0].results
        where !function.type(of: result).hasRows && !sums.contains(result) {
          throw fail(
            "I6", "what quadrature yields must have rows or be summed over rows within its region")
        }
      }
      return
    }
    let type = function.type(of: operation.regions[0].arguments[0])
    guard type.hasRows, type.rank == 1, type == function.type(of: first) else {
      throw fail("I6", "the region's argument \(type) must be a row vector of the type it yields")
    }
  }

  /// The region of an ODE: `t`, then the states, once or with cotangents as twice.
  private func checkDynamics(
    _ region: Region, states: [Value], copies: Int
  ) throws(VerificationError) {
    let types = states.map { function.type(of: $0).with(hasRows: true) }
    let dtype = types.first?.dtype ?? .f32
    let wanted = [TensorType.row([], dtype)] + (0..<copies).flatMap { _ in types }
    let found = region.arguments.map { function.type(of: $0) }
    guard found == wanted else {
      throw fail("I6", "the region must take \(wanted), found \(found)")
    }
    if copies == 1 {
      if region.sumsRows {
        throw fail("I6", "nothing may be summed over rows in the dynamics of an ODE")
      }
      let yielded = region.results.map { function.type(of: $0).with(hasRows: true) }
      guard yielded == types else {
        throw fail("I6", "the region must yield the derivatives \(types), found \(yielded)")
      }
      return
    }
    let made = region.operations.filter(\.sumsRows).flatMap(\.results)
    for result in region.results where !function.type(of: result).hasRows {
      guard made.contains(result) else {
        throw fail("I6", "a uniform value that the second region yields must be a sum over rows")
      }
    }
  }
}
