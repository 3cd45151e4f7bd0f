import FlowIR

/// Rebuilds a function operation by operation, regions included, letting rewrites replace some.
final class Rewriter {
  let function: Function
  let builder: FunctionBuilder
  /// The value of the new function for each value of the old one.
  var map: [Value: Value] = [:]
  private var definitions: [Value: TensorOperation] = [:]

  private let budget: RewriteBudget

  init(_ function: Function, budget: RewriteBudget = RewriteBudget()) {
    self.function = function
    self.budget = budget
    builder = FunctionBuilder(name: function.name)
    builder.copyArguments(of: function, into: &map)
  }

  /// Offers every operation to `rewrite`, which gives the new results or nil to keep it.
  func run(
    _ rewrite: (TensorOperation, Rewriter) throws(TypeError) -> [Value]?
  ) throws(TypeError) -> Function {
    for operation in function.operations { try visit(operation, rewrite) }
    return finish()
  }

  func finish() -> Function {
    builder.finish(
      results: function.results.map { FunctionResult(name: $0.name, value: mapped($0.value)) })
  }

  /// The new function's value for a value of the old one.
  func mapped(_ value: Value) -> Value {
    guard let new = map[value] else {
      preconditionFailure("value \(value.id) has not been rebuilt")
    }
    return new
  }

  func visit(
    _ operation: TensorOperation,
    _ rewrite: (TensorOperation, Rewriter) throws(TypeError) -> [Value]?
  ) throws(TypeError) {
    let changed = try rebuilt(operation) { region throws(TypeError) in
      for inner in region.operations { try visit(inner, rewrite) }
      return region.results.map(mapped)
    }
    let results: [Value]
    if !budget.isSpent, let replaced = try rewrite(changed, self), budget.take() {
      results = replaced
    } else {
      results = try emit(changed)
    }
    for (old, new) in zip(operation.results, results) { map[old] = new }
  }

  /// An operation in terms of the new function; `body` appends a region's operations and returns the
  /// new values that the region yields.
  func rebuilt(
    _ operation: TensorOperation, _ body: (Region) throws(TypeError) -> [Value]
  ) throws(TypeError) -> TensorOperation {
    var changed = operation
    changed.regions = try builder.rebuildRegions(of: operation, types: function.type(of:)) {
      (region, arguments) throws(TypeError) in
      for (old, new) in zip(region.arguments, arguments) { map[old] = new }
      return try body(region)
    }
    changed.operands = operation.operands.map(mapped)
    return changed
  }

  /// Keeps an operation whose regions `body` rebuilds.
  func keep(
    _ operation: TensorOperation, _ body: (Region) throws(TypeError) -> [Value]
  ) throws(TypeError) {
    let results = try emit(try rebuilt(operation, body))
    for (old, new) in zip(operation.results, results) { map[old] = new }
  }

  /// Appends an operation whose operands are values of the new function.
  func emit(_ operation: TensorOperation) throws(TypeError) -> [Value] {
    let results = try builder.append(
      operation.opcode, operation.operands, regions: operation.regions)
    var made = operation
    made.results = results
    for result in results { definitions[result] = made }
    return results
  }

  /// Appends an operation with one result.
  func emit(_ opcode: Opcode, _ operands: Value...) throws(TypeError) -> Value {
    try emit(TensorOperation(opcode: opcode, operands: operands, results: []))[0]
  }

  /// The operation of the new function that defines a value; nil for arguments.
  func definition(of value: Value) -> TensorOperation? { definitions[value] }

  func type(of value: Value) -> TensorType { builder.type(of: value) }

  /// The constant that all elements of a new value equal, if it is known to be one.
  func splat(of value: Value) -> Double? {
    guard case .constant(let literal)? = definition(of: value)?.opcode else { return nil }
    return literal.splat
  }
}
