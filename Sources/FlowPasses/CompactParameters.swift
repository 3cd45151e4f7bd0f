import FlowIR

/// Keeps of each trained weight matrix only the entries that have a gradient, as a vector.
///
/// A matrix qualifies if its gradient, a result `grad.NAME`, is one masked weight gradient in another
/// order of rows and columns, as `fold-masks` leaves it. From each row of the sorted mask the
/// entries from its first to its last are kept, row after row. The optimizer and the sums over threads
/// then walk through memory in order, and through about half as much of it. `scatter_add` makes the
/// matrix from the vector; no code is generated for it where only layers read the matrix.
///
///     input %w: 2 x 3                              input %w: 4
///                                                  %s = scatter_add %w axis 0 [3, 0, 1, 2] size 6
///                                             →    %m = reshape %s : 2 x 3
///     %g = linear_weight_gradient … mask @m0       %g = linear_weight_gradient … mask @m0
///     %h = gather %g axis 0 [1, 0]                 %h = gather %g axis 0 [1, 0]
///                                                  %f = reshape %h : 6
///                                                  %k = gather %f axis 0 [3, 0, 1, 2]
///     return …, grad.w = %h                        return …, grad.w = %k
public let compactParameters = Pass(
  name: "compact-parameters",
  summary: "keeps only the entries of trained matrices that masks let through"
) { function, budget throws(TypeError) in
  try compactingParameters(of: function, budget: budget).function
}

/// A function some of whose arguments `compactParameters` made vectors.
public struct CompactedFunction: Sendable {
  /// The function.
  public var function: Function
  /// For each of those arguments, by name, the places of its elements in the matrix that it stands
  /// for, row-major.
  public var keptEntries: [String: [Int]]
}

/// Applies `compactParameters`, and returns which entries of which arguments are kept: the caller
/// needs them to pass the function its arguments.
///
/// - Throws: `TypeError` if the pass is wrong for the function.
public func compactingParameters(
  of function: Function, budget: RewriteBudget = RewriteBudget()
) throws(TypeError) -> CompactedFunction {
  let definitions = Dictionary(
    uniqueKeysWithValues: function.operations.flatMap { operation in
      operation.results.map { ($0, operation) }
    })
  var kept: [Value: [Int]] = [:]
  var keptByName: [String: [Int]] = [:]
  var gradients: [Int: [Int]] = [:]
  for (index, result) in function.results.enumerated() where result.name.hasPrefix("grad.") {
    let name = result.name.dropFirst("grad.".count)
    guard let argument = function.arguments.first(where: { $0.name == name }),
      let entries = keptEntries(of: result.value, definitions), budget.take()
    else { continue }
    kept[argument.value] = entries
    keptByName[argument.name] = entries
    gradients[index] = entries
  }
  let builder = FunctionBuilder(name: function.name)
  var map: [Value: Value] = [:]
  for argument in function.arguments {
    let type = function.type(of: argument.value)
    let entries = kept[argument.value]
    map[argument.value] = builder.argument(
      argument.name, entries.map { .uniform([$0.count], type.dtype) } ?? type, argument.kind)
  }
  for argument in function.arguments {
    guard let entries = kept[argument.value], let vector = map[argument.value] else { continue }
    let type = function.type(of: argument.value)
    let flat = try builder.emit(
      .scatterAdd(axis: 0, indices: entries, size: type.elementCount), vector)
    map[argument.value] = try builder.emit(.reshape(type.shape), flat)
  }
  for operation in function.operations { try builder.copy(operation, of: function, mapping: &map) }
  var results: [FunctionResult] = []
  for (index, result) in function.results.enumerated() {
    var value = map[result.value] ?? result.value
    if let entries = gradients[index] {
      let count = function.type(of: result.value).elementCount
      value = try builder.emit(
        .gather(axis: 0, indices: entries), try builder.emit(.reshape([count]), value))
    }
    results.append(FunctionResult(name: result.name, value: value))
  }
  return CompactedFunction(
    function: builder.finish(results: results), keptEntries: keptByName)
}

/// The entries of a gradient that a mask lets through, in the order of the sorted mask.
private func keptEntries(of gradient: Value, _ definitions: [Value: TensorOperation]) -> [Int]? {
  var gathers: [(axis: Int, indices: [Int])] = []
  var source = gradient
  while let operation = definitions[source], case .gather(let axis, let indices) = operation.opcode
  {
    gathers.append((axis, indices))
    source = operation.operands[0]
  }
  guard case .linearWeightGradient(let mask?)? = definitions[source]?.opcode else { return nil }
  // Where in the gradient each row and column of the sorted one goes.
  var (rows, columns) = (Array(0..<mask.rows), Array(0..<mask.columns))
  for gather in gathers.reversed() {
    if gather.axis == 0 {
      rows = gather.indices.map { rows[$0] }
    } else {
      columns = gather.indices.map { columns[$0] }
    }
  }
  guard rows.sorted() == Array(0..<mask.rows), columns.sorted() == Array(0..<mask.columns) else {
    return nil
  }
  let rowOf = rows.indices.sorted { rows[$0] < rows[$1] }
  let columnOf = columns.indices.sorted { columns[$0] < columns[$1] }
  var entries: [Int] = []
  for row in 0..<mask.rows {
    let bits = mask.bits[row * mask.columns..<(row + 1) * mask.columns]
    guard let first = bits.firstIndex(of: true), let last = bits.lastIndex(of: true) else {
      continue
    }
    for column in first - bits.startIndex...last - bits.startIndex {
      entries.append(rowOf[row] * mask.columns + columnOf[column])
    }
  }
  return entries.isEmpty ? nil : entries
}
