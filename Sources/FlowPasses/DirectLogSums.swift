import FlowIR

/// Sums exponentials as they are, and their quotients by the largest only in rows where they over- or underflow.
///
///     %m = reduce_maximum %l axis 0                %y = … as before …
///     %d = subtract %l, (broadcast %m)             %e = exp %l : rows x 8 x f32
///     %e = exp %d : rows x 8 x f32              →  %s = reduce_sum %e axis 0 : rows x f32
///     %s = reduce_sum %e axis 0 : rows x f32       %g = log %s : rows x f32
///     %y = … log %s + %m …                         %z = select (less (absolute %g), 64), %g, %y
///
/// The second loop over the terms is then left out where no row of a vector needs it. Terms `%u - z²` beside
/// `erfc z`, which are those of the density of a mixture of normals, are exponentiated as `exp(%u) exp(-z²)`, since
/// erfc gives the last factor for nothing; they count as long as `exp(%u)` is far from the ends of the numbers too.
///
/// A sum whose terms have other users is left as it is: its derivatives need the quotients.
public let directLogSums = Pass(
  name: "direct-log-sums", summary: "sums exponentials as they are where none over- or underflows"
) { function, budget throws(TypeError) in
  let sums = LogSum.all(in: function)
  if sums.isEmpty { return function }
  return try Rewriter(function, budget: budget).run { operation, rewriter throws(TypeError) in
    guard let sum = operation.results.first.flatMap({ sums[$0] }) else { return nil }
    return [try sum.direct(besides: try rewriter.emit(operation)[0], rewriter)]
  }
}

/// `log(sum(exp(terms)))` along an axis, as `Tensor.logSumExp` writes it.
private struct LogSum {
  let terms: Value
  let axis: Int
  /// Of terms `u - z²` beside `erfc z` or `erfc -z`: u and z.
  let normal: (exponent: Value, number: Value)?

  /// Those of a function, by the value that they give.
  static func all(in function: Function) -> [Value: LogSum] {
    let operations = function.operations.withRegions
    let graph = Graph(operations, function)
    var sums: [Value: LogSum] = [:]
    for operation in operations {
      if let result = operation.results.first { sums[result] = LogSum(operation, graph) }
    }
    return sums
  }

  /// The sum whose last operation this is: `select (equal S, 0), -inf, (log (select (equal S, 0), 1, S) + shift)`
  /// with `S = reduce_sum (exp (terms - shift))` and `shift = select (is_finite m), m, 0` for the largest term m.
  private init?(_ operation: TensorOperation, _ graph: Graph) {
    guard operation.opcode == .select,
      let joined = graph.operands(operation.operands[2], .binary(.add)),
      let logarithm = graph.operands(joined[0], .unary(.log)),
      let filled = graph.operands(logarithm[0], .select), filled[0] == operation.operands[0],
      let isEmpty = graph.operands(filled[0], .compare(.equal)), isEmpty[0] == filled[2],
      let sum = graph.definition(filled[2]), case .reduce(.sum, let axis) = sum.opcode,
      let difference = graph.operands(sum.operands[0], .unary(.exp)),
      let parts = graph.operands(difference[0], .binary(.subtract)),
      graph.beneath(parts[1]) == graph.beneath(joined[1]),
      let shift = graph.operands(graph.beneath(joined[1]), .select),
      let finite = graph.operands(shift[0], .unary(.isFinite)), finite[0] == shift[1],
      let largest = graph.definition(shift[1]), largest.opcode == .reduce(.maximum, axis: axis),
      largest.operands[0] == parts[0],
      graph.uses(sum.operands[0]) == 1, graph.uses(filled[2]) == 2,
      !graph.isBesideDirect(operation.result)
    else { return nil }
    terms = parts[0]
    self.axis = axis
    if let difference = graph.operands(terms, .binary(.subtract)),
      let number = graph.operands(difference[1], .unary(.square))?[0],
      graph.hasComplement(of: number)
    {
      normal = (difference[0], number)
    } else {
      normal = nil
    }
  }

  /// The sum of the terms as they are, and the given one where that over- or underflows.
  func direct(besides shifted: Value, _ rewriter: Rewriter) throws(TypeError) -> Value {
    let type = rewriter.type(of: shifted)
    // What terms lose that are too small to be normal numbers is far too small to count in such a sum.
    var limit = rewriter.builder.splat(
      type.dtype == .f64 ? 512 : 64, shape: type.shape, dtype: type.dtype)
    let exponentials: Value
    if let normal {
      let number = rewriter.mapped(normal.number)
      let factor = try rewriter.emit(.unary(.exp), rewriter.mapped(normal.exponent))
      let square = try rewriter.emit(.unary(.square), number)
      let bell = try rewriter.emit(.unary(.exp), try rewriter.emit(.unary(.negate), square))
      exponentials = try rewriter.emit(.binary(.multiply), factor, bell)
      let total = try rewriter.emit(.reduce(.sum, axis: axis), factor)
      let size = try rewriter.emit(.unary(.absolute), try rewriter.emit(.unary(.log), total))
      limit = try rewriter.emit(.binary(.subtract), limit, size)
    } else {
      exponentials = try rewriter.emit(.unary(.exp), rewriter.mapped(terms))
    }
    let sum = try rewriter.emit(.reduce(.sum, axis: axis), exponentials)
    let logarithm = try rewriter.emit(.unary(.log), sum)
    let isWithin = try rewriter.emit(
      .compare(.less), try rewriter.emit(.unary(.absolute), logarithm), limit)
    return try rewriter.emit(.select, isWithin, logarithm, shifted)
  }
}

/// What defines and uses the values of a function.
private struct Graph {
  private let definitions: [Value: TensorOperation]
  private let useCounts: [Value: Int]
  /// The numbers, without their signs, whose erfc is computed.
  private let complements: Set<Value>
  /// The values that a select takes where a logarithm is out of range.
  private let besides: Set<Value>

  init(_ operations: [TensorOperation], _ function: Function) {
    var definitions: [Value: TensorOperation] = [:]
    var useCounts: [Value: Int] = [:]
    for operation in operations {
      for result in operation.results { definitions[result] = operation }
      for value in operation.operands + operation.regions.flatMap(\.results) {
        useCounts[value, default: 0] += 1
      }
    }
    for result in function.results { useCounts[result.value, default: 0] += 1 }
    self.definitions = definitions
    self.useCounts = useCounts
    complements = Set(
      operations.filter { $0.opcode == .unary(.erfc) }
        .compactMap { NormalParts.number(of: $0) { definitions[$0] } })
    besides = Set(
      operations.filter { operation in
        operation.opcode == .select
          && definitions[operation.operands[1]]?.opcode == .unary(.log)
      }.map { $0.operands[2] })
  }

  func definition(_ value: Value) -> TensorOperation? { definitions[value] }

  /// The operands of the operation that defines a value, if it is this one.
  func operands(_ value: Value, _ opcode: Opcode) -> [Value]? {
    guard let definition = definitions[value], definition.opcode == opcode else { return nil }
    return definition.operands
  }

  /// The value that a view by reshape and broadcast shows.
  func beneath(_ value: Value) -> Value {
    guard let definition = definitions[value], definition.opcode.repeatsElements else {
      return value
    }
    return beneath(definition.operands[0])
  }

  func uses(_ value: Value) -> Int { useCounts[value] ?? 0 }

  func hasComplement(of number: Value) -> Bool {
    complements.contains(NormalParts.unsigned(number, definition))
  }

  /// Whether a sum's exponentials are summed as they are already.
  func isBesideDirect(_ value: Value) -> Bool { besides.contains(value) }
}
