extension FunctionBuilder {
  /// Adds the arguments of another function and maps its values to them.
  public func copyArguments(of function: Function, into map: inout [Value: Value]) {
    for argument in function.arguments {
      map[argument.value] = self.argument(
        argument.name, function.type(of: argument.value), argument.kind)
    }
  }

  /// Appends a copy of another function's operation, its operands replaced through `map`, and
  /// records the new results there.
  ///
  /// Values that are not in the map stand for themselves in no function: every operand must have
  /// been mapped before.
  ///
  /// - Throws: `TypeError` if the replaced operands do not suit the operation.
  @discardableResult
  public func copy(
    _ operation: TensorOperation, of function: Function, mapping map: inout [Value: Value]
  ) throws(TypeError) -> [Value] {
    var regions: [Region] = []
    for region in operation.regions {
      let arguments = beginRegion(region.arguments.map(function.type(of:)))
      for (old, new) in zip(region.arguments, arguments) { map[old] = new }
      for inner in region.operations { try copy(inner, of: function, mapping: &map) }
      regions.append(endRegion(results: region.results.map { Self.mapped($0, map) }))
    }
    let saved = scope
    scope = operation.scope
    defer { scope = saved }
    let results = try append(
      operation.opcode, operation.operands.map { Self.mapped($0, map) }, regions: regions)
    for (old, new) in zip(operation.results, results) { map[old] = new }
    return results
  }

  /// Appends a copy of an operation of this very function, its operands replaced through `map`
  /// where they are in it.
  ///
  /// - Throws: `TypeError` if the replaced operands do not suit the operation.
  @discardableResult
  public func copyWithin(
    _ operation: TensorOperation, mapping map: inout [Value: Value]
  ) throws(TypeError) -> [Value] {
    var regions: [Region] = []
    for region in operation.regions {
      let arguments = beginRegion(region.arguments.map { type(of: $0) })
      for (old, new) in zip(region.arguments, arguments) { map[old] = new }
      for inner in region.operations { try copyWithin(inner, mapping: &map) }
      regions.append(endRegion(results: region.results.map { map[$0] ?? $0 }))
    }
    let saved = scope
    scope = operation.scope
    defer { scope = saved }
    let results = try append(
      operation.opcode, operation.operands.map { map[$0] ?? $0 }, regions: regions)
    for (old, new) in zip(operation.results, results) { map[old] = new }
    return results
  }

  private static func mapped(_ value: Value, _ map: [Value: Value]) -> Value {
    guard let new = map[value] else {
      preconditionFailure("value \(value.id) has no counterpart in the function being built")
    }
    return new
  }
}
