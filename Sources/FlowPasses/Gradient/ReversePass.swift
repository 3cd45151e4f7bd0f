import FlowIR

/// Walks operations backwards, adding up the cotangent of each value.
///
/// A cotangent of a row value may be uniform: it then stands for the same cotangent in every row.
/// `Gradient/Support.swift` says how rows without a part in the result are kept out of sums.
final class ReversePass {
  let builder: FunctionBuilder
  var cotangents: [Value: Value] = [:]
  /// For each cotangent that is zero in some rows by construction, the condition that holds in the
  /// other rows.
  var supports: [Value: Value] = [:]
  /// The support of the cotangents that the current operation passes on; nil for all rows.
  var support: Value?
  /// The supports of values in which zeros have been selected for all other rows.
  var chosen: [Value: Value] = [:]
  /// Whether the cotangents of uniform values are kept for each row instead of being summed.
  let perRow: Bool
  private var active: Set<Value> = []

  init(_ builder: FunctionBuilder, perRow: Bool = false) {
    self.builder = builder
    self.perRow = perRow
  }

  /// The cotangents of the wanted values, given those of some results.
  func run(
    _ operations: [TensorOperation], seeds: [Value: Value], wanted: Set<Value>
  ) throws(TypeError) -> [Value: Value] {
    let saved = (cotangents, supports, support, active)
    defer { (cotangents, supports, support, active) = saved }
    cotangents = seeds
    supports = support.map { support in seeds.mapValues { _ in support } } ?? [:]
    active = wanted
    for operation in operations
    where operation.inputs.contains(where: { active.contains($0) })
      && operation.opcode.traits.isDifferentiable
    {
      active.formUnion(operation.results.filter { builder.type(of: $0).dtype.isFloat })
    }
    let scope = builder.scope
    for operation in operations.reversed()
    where operation.results.contains(where: { cotangents[$0] != nil && active.contains($0) }) {
      builder.scope = operation.scope
      support = commonSupport(of: operation.results)
      try differentiate(operation)
    }
    builder.scope = scope
    return cotangents.filter { wanted.contains($0.key) }
  }

  /// Whether a value's cotangent is wanted, for itself or on the way to another.
  func isActive(_ value: Value) -> Bool { active.contains(value) }

  /// Adds to the cotangent of an operand; `isRow` says whether the operation ran for each row.
  func add(_ cotangent: Value, to operand: Value, isRow: Bool) throws(TypeError) {
    guard isActive(operand) else { return }
    var part = cotangent
    if isRow && !type(operand).hasRows {
      part = try sumOfRows(cotangent)
    }
    if let known = cotangents[operand] {
      part = try builder.emit(.binary(.add), known, part)
      if supports[operand] != support { supports[operand] = nil }
    } else {
      supports[operand] = support
    }
    cotangents[operand] = part
  }

  /// The sum over rows of a cotangent, which may stand for the same one in every row.
  func sumOfRows(_ cotangent: Value) throws(TypeError) -> Value {
    if perRow { return cotangent }
    let cotangent = try supported(cotangent)
    if type(cotangent).hasRows { return try builder.emit(.rowSum, cotangent) }
    let count = try builder.emit(.rowCount(type(cotangent).dtype))
    return try multiply(cotangent, try broadcast(count, type(cotangent).shape))
  }

  /// A cotangent with the type of its value: zeros if there is none, rows if they were implied, or
  /// if `rows`, an argument with rows, is given.
  func completed(
    _ cotangent: Value?, for value: Value, like rows: Value? = nil
  ) throws(TypeError) -> Value {
    let wanted = type(value)
    let found =
      cotangent ?? builder.splat(0, shape: wanted.shape, dtype: wanted.dtype)
    if type(found).hasRows { return found }
    if wanted.hasRows {
      let condition = try builder.emit(.unary(.isNaN), value)
      return try builder.emit(.select, condition, found, found)
    }
    guard let rows else { return found }
    // The same numbers in every row: any condition with rows will do.
    var condition = try builder.emit(.unary(.isNaN), rows)
    let count = type(rows).elementCount
    condition = try builder.emit(.reshape([count]), condition)
    condition = try builder.emit(.slice(axis: 0, start: 0, end: 1), condition)
    condition = try builder.emit(.reshape([]), condition)
    return try builder.emit(.select, try broadcast(condition, wanted.shape), found, found)
  }
}

extension ReversePass {
  func type(_ value: Value) -> TensorType { builder.type(of: value) }

  func like(_ value: Value, _ number: Double) -> Value {
    builder.splat(number, shape: type(value).shape, dtype: type(value).dtype)
  }

  func unary(_ operation: UnaryOperator, _ a: Value) throws(TypeError) -> Value {
    try builder.emit(.unary(operation), a)
  }

  func plus(_ a: Value, _ b: Value) throws(TypeError) -> Value {
    try builder.emit(.binary(.add), a, b)
  }

  func minus(_ a: Value, _ b: Value) throws(TypeError) -> Value {
    try builder.emit(.binary(.subtract), a, b)
  }

  func multiply(_ a: Value, _ b: Value) throws(TypeError) -> Value {
    try builder.emit(.binary(.multiply), a, b)
  }

  func divide(_ a: Value, _ b: Value) throws(TypeError) -> Value {
    try builder.emit(.binary(.divide), a, b)
  }

  func scale(_ a: Value, _ factor: Double) throws(TypeError) -> Value {
    try multiply(a, like(a, factor))
  }

  func compare(_ comparison: Comparison, _ a: Value, _ b: Value) throws(TypeError) -> Value {
    try builder.emit(.compare(comparison), a, b)
  }

  func select(_ condition: Value, _ a: Value, _ b: Value) throws(TypeError) -> Value {
    try builder.emit(.select, condition, a, b)
  }

  func broadcast(_ a: Value, _ shape: [Int]) throws(TypeError) -> Value {
    type(a).shape == shape ? a : try builder.emit(.broadcast(shape), a)
  }

  /// A value with an axis of extent 1 inserted, repeated to `extent`.
  func expand(_ a: Value, axis: Int, extent: Int) throws(TypeError) -> Value {
    var shape = type(a).shape
    shape.insert(1, at: axis)
    let reshaped = try builder.emit(.reshape(shape), a)
    shape[axis] = extent
    return try broadcast(reshaped, shape)
  }
}
