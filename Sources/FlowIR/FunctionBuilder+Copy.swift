extension FunctionBuilder {
  /// Adds the arguments of another function and maps its values to them.
  public func copyArguments(of function: Function, into map: inout [Value: Value]) {
    for argument in function.arguments {
      map[argument.value] = self.argument(
        argument.name, function.type(of: argument.value), argument.kind)
    }
  }

  /// Builds the regions of an operation anew. Everything that copies or rewrites operations uses this.
  ///
  /// - Parameters:
  ///   - operation: the operation, whose scope is the builder's afterwards.
  ///   - types: the types of the regions' arguments.
  ///   - body: appends what stands in a region, given the region's new arguments, and gives the
  ///     values that it yields.
  /// - Throws: what `body` throws.
  public func rebuildRegions(
    of operation: TensorOperation, types: (Value) -> TensorType,
    body: (_ region: Region, _ arguments: [Value]) throws(TypeError) -> [Value]
  ) throws(TypeError) -> [Region] {
    var regions: [Region] = []
    for region in operation.regions {
      let arguments = beginRegion(region.arguments.map(types))
      regions.append(endRegion(results: try body(region, arguments)))
    }
    scope = operation.scope
    return regions
  }

  /// Appends a copy of another function's operation, its operands replaced through `map`, and
  /// records the new results there.
  ///
  /// Every operand must be in the map.
  ///
  /// - Throws: `TypeError` if the replaced operands do not suit the operation.
  @discardableResult
  public func copy(
    _ operation: TensorOperation, of function: Function, mapping map: inout [Value: Value]
  ) throws(TypeError) -> [Value] {
    try copy(operation, types: function.type(of:), mapping: &map) { value, map in
      guard let new = map[value] else {
        preconditionFailure("value \(value.id) has no counterpart in the function being built")
      }
      return new
    }
  }

  /// Appends a copy of an operation of this very function, its operands replaced through `map`
  /// where they are in it.
  ///
  /// - Throws: `TypeError` if the replaced operands do not suit the operation.
  @discardableResult
  public func copyWithin(
    _ operation: TensorOperation, mapping map: inout [Value: Value]
  ) throws(TypeError) -> [Value] {
    try copy(operation, types: type(of:), mapping: &map) { value, map in
      map[value] ?? value
    }
  }

  private func copy(
    _ operation: TensorOperation, types: (Value) -> TensorType, mapping map: inout [Value: Value],
    _ mapped: (Value, [Value: Value]) -> Value
  ) throws(TypeError) -> [Value] {
    let saved = scope
    defer { scope = saved }
    let regions = try rebuildRegions(of: operation, types: types) {
      (region, arguments) throws(TypeError) in
      for (old, new) in zip(region.arguments, arguments) { map[old] = new }
      for inner in region.operations {
        _ = try copy(inner, types: types, mapping: &map, mapped)
      }
      return region.results.map { mapped($0, map) }
    }
    scope = operation.scope
    let results = try append(
      operation.opcode, operation.operands.map { mapped($0, map) }, regions: regions)
    for (old, new) in zip(operation.results, results) { map[old] = new }
    return results
  }
}
