/// Builds a function operation by operation, inferring the type of every result.
///
/// Structured operations are built inside out: `beginRegion`, the region's operations,
/// `endRegion`, then `append` with the region.
public final class FunctionBuilder {
  /// The name of the function being built.
  public let name: String
  /// The scope given to operations that are appended.
  public var scope = Scope()
  /// The types of the values so far.
  public private(set) var types: [TensorType] = []
  /// The arguments so far.
  public private(set) var arguments: [FunctionArgument] = []

  /// One list of operations for the function, then one for each open region.
  private var operations: [[TensorOperation]] = [[]]
  private var regionArguments: [[Value]] = []

  /// Makes a builder for a function without arguments.
  public init(name: String) { self.name = name }

  /// The type of a value.
  public func type(of value: Value) -> TensorType { types[value.id] }

  private func makeValue(_ type: TensorType) -> Value {
    types.append(type)
    return Value(id: types.count - 1)
  }

  /// Adds an argument.
  @discardableResult
  public func argument(_ name: String, _ type: TensorType, _ kind: FunctionArgument.Kind = .input)
    -> Value
  {
    let value = makeValue(type)
    arguments.append(FunctionArgument(name: name, value: value, kind: kind))
    return value
  }

  /// Appends an operation and gives its results.
  ///
  /// - Throws: `TypeError` if the operands do not suit the operation.
  @discardableResult
  public func append(
    _ opcode: Opcode, _ operands: [Value] = [], regions: [Region] = []
  ) throws(TypeError) -> [Value] {
    let resultTypes = try opcode.resultTypes(
      operands: operands.map(type(of:)),
      regionResults: regions.last.map { $0.results.map(type(of:)) } ?? [])
    let results = resultTypes.map(makeValue)
    operations[operations.count - 1].append(
      TensorOperation(
        opcode: opcode, operands: operands, results: results, regions: regions, scope: scope))
    return results
  }

  /// The operations of the innermost open region, or of the function.
  public var currentOperations: [TensorOperation] { operations[operations.count - 1] }

  /// Opens a region whose arguments have the given types; operations go there until `endRegion`.
  public func beginRegion(_ argumentTypes: [TensorType]) -> [Value] {
    let values = argumentTypes.map(makeValue)
    regionArguments.append(values)
    operations.append([])
    return values
  }

  /// Closes the innermost region.
  public func endRegion(results: [Value]) -> Region {
    precondition(!regionArguments.isEmpty, "endRegion without beginRegion")
    return Region(
      arguments: regionArguments.removeLast(), operations: operations.removeLast(),
      results: results)
  }

  /// The function built.
  public func finish(results: [FunctionResult]) -> Function {
    precondition(operations.count == 1, "a region is still open")
    return Function(
      name: name, arguments: arguments, operations: operations[0], results: results, types: types)
  }
}

extension FunctionBuilder {
  /// Appends an operation that has one result.
  public func emit(_ opcode: Opcode, _ operands: Value...) throws(TypeError) -> Value {
    try append(opcode, operands)[0]
  }

  /// Appends a scalar constant broadcast to a shape.
  public func splat(_ value: Double, shape: [Int], dtype: DType) -> Value {
    let opcode = Opcode.constant(Literal(splat: value, shape: shape, dtype: dtype))
    let values = try? append(opcode)
    guard let values else { preconditionFailure("constants take no operands") }
    return values[0]
  }
}
