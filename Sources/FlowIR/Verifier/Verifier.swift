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
///
/// Every violation is reported, in the order of the text.
public struct VerificationError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Every violation; never empty.
  public let faults: [VerificationFault]

  /// The first fault in one line, and how many more there are.
  public var description: String {
    let more = faults.count > 1 ? " (and \(faults.count - 1) more)" : ""
    return (faults.first?.description ?? "") + more
  }
}

/// An invariant that does not hold in one place.
public struct VerificationFault: Hashable, Sendable, CustomStringConvertible {
  /// The label of the invariant.
  public let invariant: String
  /// The operation's place in the text, by count in its function from 0; nil for the function as a
  /// whole.
  public let operation: Int?
  /// The part of the model that the operation came from.
  public let scope: Scope
  /// What was found.
  public let message: String
  /// The operation as it is printed, without its regions; empty for the function as a whole.
  public internal(set) var text = ""

  /// What was wrong, where, and the operation's text, in one line.
  public var description: String {
    let place = operation.map { "operation \($0)" } ?? "function"
    let part = scope.path.isEmpty ? "" : " (\(scope.path))"
    return "\(place)\(part): \(invariant): \(message)" + (text.isEmpty ? "" : ": '\(text)'")
  }
}

extension Function {
  /// All invariants that do not hold, in the order of the text.
  public var faults: [VerificationFault] {
    var verifier = FunctionVerifier(function: self)
    verifier.run()
    var faults = verifier.faults
    // Without types nothing can be printed.
    guard !faults.isEmpty, !verifier.lacksTypes else { return faults }
    let lines = operationLines
    for index in faults.indices {
      if let operation = faults[index].operation { faults[index].text = lines[operation] }
    }
    return faults
  }

  /// Checks the invariants.
  ///
  /// - Throws: `VerificationError` with all that do not hold.
  public func verify() throws(VerificationError) {
    let faults = self.faults
    if !faults.isEmpty { throw VerificationError(faults: faults) }
  }
}

struct FunctionVerifier: OperationVisitor {
  let function: Function
  private(set) var faults: [VerificationFault] = []
  /// Whether a value has no type.
  private(set) var lacksTypes = false
  private var defined: Set<Value> = []
  private var everDefined: Set<Value> = []
  private var count = 0
  private var current: (index: Int, operation: TensorOperation)?
  /// The operations that are being visited, the innermost last.
  private var open: [Visit] = []

  /// The state of an operation while its regions are visited.
  private struct Visit {
    let place: (index: Int, operation: TensorOperation)
    var isUsable = true
    /// The types that the last region yields.
    var yielded: [TensorType] = []
    /// The values that were defined before the region that is being visited.
    var outside: Set<Value> = []
  }

  init(function: Function) { self.function = function }

  mutating func fault(_ invariant: String, _ message: String) {
    faults.append(
      VerificationFault(
        invariant: invariant, operation: current?.index,
        scope: current?.operation.scope ?? Scope(), message: message))
  }

  mutating func run() {
    let names = function.arguments.map(\.name)
    if Set(names).count != names.count { fault("I5", "two arguments have the same name") }
    let results = function.results.map(\.name)
    if Set(results).count != results.count { fault("I5", "two results have the same name") }
    let floats = Set(function.types.map(\.dtype).filter(\.isFloat))
    if floats.count > 1 { fault("I4", "both f32 and f64 are used") }
    for argument in function.arguments { define(argument.value) }
    walk(function.operations)
    current = nil
    for result in function.results { _ = use(result.value) }
    faults.sort { ($0.operation ?? -1) < ($1.operation ?? -1) }
  }

  private mutating func define(_ value: Value) {
    if !function.types.indices.contains(value.id) {
      lacksTypes = true
      fault("I1", "value \(value.id) has no type")
    }
    if !everDefined.insert(value).inserted { fault("I1", "value \(value.id) is defined twice") }
    defined.insert(value)
  }

  /// Whether a value can be used here.
  private mutating func use(_ value: Value) -> Bool {
    if defined.contains(value) { return function.types.indices.contains(value.id) }
    if !function.types.indices.contains(value.id) { lacksTypes = true }
    fault("I1", "value \(value.id) is used before it is defined")
    return false
  }

  mutating func enter(_ operation: TensorOperation) {
    var visit = Visit(place: (count, operation))
    count += 1
    current = visit.place
    for operand in operation.operands { visit.isUsable = use(operand) && visit.isUsable }
    open.append(visit)
  }

  mutating func enter(_ region: Region) {
    open[open.count - 1].outside = defined
    for argument in region.arguments { define(argument) }
  }

  mutating func leave(_ region: Region) {
    var visit = open.removeLast()
    current = visit.place
    for result in region.results { visit.isUsable = use(result) && visit.isUsable }
    defined = visit.outside
    if !lacksTypes { visit.yielded = region.results.map(function.type(of:)) }
    open.append(visit)
  }

  mutating func leave(_ operation: TensorOperation) {
    let visit = open.removeLast()
    current = visit.place
    if visit.isUsable && !lacksTypes {
      let known = faults.count
      checkRegions(operation)
      // The type rules of structured operations rely on their regions.
      if faults.count == known { checkTypes(operation, visit.yielded) }
    }
    for result in operation.results { define(result) }
  }

  private mutating func checkTypes(_ operation: TensorOperation, _ regionResults: [TensorType]) {
    do {
      let types = try operation.opcode.resultTypes(
        operands: operation.operands.map(function.type(of:)), regionResults: regionResults)
      let isTyped = operation.results.allSatisfy { function.types.indices.contains($0.id) }
      guard isTyped else { return }
      let found = operation.results.map(function.type(of:))
      if found != types {
        let list = { (types: [TensorType]) in types.map(\.description).joined(separator: ", ") }
        fault("I3", "\(operation.opcode.name) gives \(list(types)), found \(list(found))")
      }
    } catch {
      fault("I2", "\(error)")
    }
  }
}
