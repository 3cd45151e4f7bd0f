import FlowIR

/// Computes once what is the same for all rows: a layer's outputs that see none of its inputs, and what is made of
/// them alone.
///
///     %y = linear %x, %w, %b mask "1 0,1"               %u = slice %b axis 0 from 0 to 1 : 1 x f32
///     %e = exp %y : rows x 2 x f32                  →   %e0 = exp %u : 1 x f32
///     %z = multiply %e, %t : rows x 2 x f32             %z0 = multiply %e0, %t0 : rows x 1 x f32
///                                                       %r = linear %x, %v, %c : rows x 1 x f32
///                                                       %e1 = exp %r, %z1 = multiply %e1, %t1
///                                                       %z = concatenate %z0, %z1 axis 0
///
/// The first feature of an autoregressive flow without a context is such an item: its transform has the same
/// parameters for all rows. The outputs must be the first or the last of the layer. What depends on them is computed
/// apart from the others as far as operations work on each item by itself, and so is what is made for that alone, as
/// powers of %t. A layer is left as it is if a row would be spared little, or if the function has regions.
public let splitItems = Pass(
  name: "split-items",
  summary: "computes once what a layer gives for items that see none of its inputs"
) { function, budget throws(TypeError) in
  guard function.operations.allSatisfy({ $0.regions.isEmpty }) else { return function }
  func split(_ splitter: ItemSplitter, _ budget: RewriteBudget) throws(TypeError) -> Function {
    try Rewriter(function, budget: budget).run { operation, rewriter throws(TypeError) in
      try splitter.rewrite(operation, rewriter)
    }
  }
  let all = ItemSplitter()
  _ = try split(all, RewriteBudget())
  let chosen = Set(all.saved.filter { $0.value >= ItemSplitter.leastSaved }.keys)
  if chosen.isEmpty { return function }
  let some = ItemSplitter(layers: chosen)
  _ = try split(some, RewriteBudget())
  return try split(ItemSplitter(layers: chosen, before: some.inputs(in: function)), budget)
}

private final class ItemSplitter {
  /// A value in two parts along its first axis.
  private struct Parts {
    let values: [Value]
    /// How many items the first part has.
    let count: Int
    /// The layer that has items without inputs.
    let layer: Int
  }

  /// The instructions for each lane that rows are spared, by layer.
  private(set) var saved: [Int: Int] = [:]
  /// The fewest of them for which a group of its own is worth while.
  static let leastSaved = 100
  /// The parts of values of the new function.
  private var parts: [Value: Parts] = [:]
  /// How many items the first part has, by the value of the old function.
  private var counts: [Value: Int] = [:]
  /// Values of the old function of which both parts have rows.
  private var withRows: Set<Value> = []
  private var layerCount = 0
  /// The layers to split; all if nil.
  private let layers: Set<Int>?
  /// What is split before an operation asks for it, with the items of the first part.
  private let before: [Value: Int]

  init(layers: Set<Int>? = nil, before: [Value: Int] = [:]) {
    self.layers = layers
    self.before = before
  }

  /// What only operations that are split read, with the items of their first parts.
  func inputs(in function: Function) -> [Value: Int] {
    var users: [Value: [TensorOperation]] = [:]
    for operation in function.operations {
      for operand in operation.operands { users[operand, default: []].append(operation) }
    }
    let results = Set(function.results.map(\.value))
    var counts = counts
    var inputs: [Value: Int] = [:]
    for operation in function.operations.reversed() where operation.opcode.isPointwise {
      let value = operation.result
      guard counts[value] == nil || withRows.contains(value), !results.contains(value),
        function.type(of: value).hasRows
      else { continue }
      let wanted = (users[value] ?? []).map { $0.opcode.isPointwise ? counts[$0.result] : nil }
      guard let count = wanted.first ?? nil, wanted.allSatisfy({ $0 == count }) else { continue }
      counts[value] = count
      inputs[value] = count
    }
    return inputs
  }

  func rewrite(_ operation: TensorOperation, _ rewriter: Rewriter) throws(TypeError) -> [Value]? {
    if case .reduce(.sum, axis: 0) = operation.opcode, let parts = parts[operation.operands[0]] {
      let first = try sum(parts.values[0], rewriter)
      return [try rewriter.emit(.binary(.add), first, try sum(parts.values[1], rewriter))]
    }
    guard let parts = try split(operation, rewriter) else { return nil }
    let types = parts.values.map { rewriter.type(of: $0) }
    for type in types where !type.hasRows {
      saved[parts.layer, default: 0] +=
        type.elementCount * operation.opcode.traits.cost.perResult[.planned]
    }
    let joined = try rewriter.emit(.concatenate(axis: 0), parts.values[0], parts.values[1])
    self.parts[joined] = parts
    counts[operation.result] = parts.count
    if types.allSatisfy(\.hasRows) { withRows.insert(operation.result) }
    return [joined]
  }

  /// The sum over items.
  private func sum(_ value: Value, _ rewriter: Rewriter) throws(TypeError) -> Value {
    let shape = rewriter.type(of: value).shape
    return shape[0] == 1
      ? try rewriter.emit(.reshape(Array(shape.dropFirst())), value)
      : try rewriter.emit(.reduce(.sum, axis: 0), value)
  }

  private func split(
    _ operation: TensorOperation, _ rewriter: Rewriter
  ) throws(TypeError) -> Parts? {
    if case .linear(let mask?) = operation.opcode {
      return try splitLayer(operation, mask, rewriter)
    }
    // Of operands that two layers split, the later one's parts count: the other is what it works on.
    let known = operation.operands.compactMap { parts[$0] }.max { $0.layer < $1.layer }
    let early = before[operation.result].map { Parts(values: [], count: $0, layer: -1) }
    guard let parts = early ?? known else { return nil }
    let shape = rewriter.function.type(of: operation.result).shape
    switch operation.opcode {
    case .unary, .binary, .compare, .select, .convert:
      return try forEachPart(operation, like: parts, rewriter)
    case .reduce(_, let axis) where axis > 0, .cumulativeSum(let axis, _) where axis > 0,
      .slice(let axis, _, _) where axis > 0, .gather(let axis, _) where axis > 0,
      .concatenate(let axis) where axis > 0:
      return try forEachPart(operation, like: parts, rewriter)
    case .search where !shape.isEmpty, .take where !shape.isEmpty:
      return try forEachPart(operation, like: parts, rewriter)
    case .reshape where !shape.isEmpty:
      let inner = Array(shape.dropFirst())
      return try reshape(parts, inner: inner, rewriter) { .reshape([$0] + inner) }
    case .broadcast where rewriter.type(of: operation.operands[0]).rank == shape.count:
      let inner = Array(rewriter.type(of: operation.operands[0]).shape.dropFirst())
      return try reshape(parts, inner: inner, rewriter) { .broadcast([$0] + shape.dropFirst()) }
    case .reduce, .cumulativeSum, .slice, .gather, .concatenate, .search, .take, .reshape,
      .broadcast, .constant, .transpose, .pad, .scatterAdd, .linear, .linearWeightGradient,
      .matmul, .matrixExponential, .cholesky, .triangularSolve, .rowSum, .rowCount, .random,
      .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot, .quadrature:
      return nil
    }
  }

  /// An operation on each part of its operands.
  private func forEachPart(
    _ operation: TensorOperation, like known: Parts, _ rewriter: Rewriter
  ) throws(TypeError) -> Parts? {
    let total = rewriter.type(of: operation.operands[0]).shape[0]
    guard operation.operands.allSatisfy({ rewriter.type(of: $0).shape.first == total }),
      known.count < total
    else { return nil }
    var results: [Value] = []
    for (index, items) in [0..<known.count, known.count..<total].enumerated() {
      var part = operation
      part.operands = []
      for operand in operation.operands {
        let own = parts[operand].flatMap { $0.count == known.count ? $0.values[index] : nil }
        if let own {
          part.operands.append(own)
        } else {
          part.operands.append(try rewriter.slice(operand, items))
        }
      }
      results.append(try rewriter.emit(part)[0])
    }
    return Parts(values: results, count: known.count, layer: known.layer)
  }

  /// The parts in another shape, of items that have the shape `inner`.
  private func reshape(
    _ parts: Parts, inner: [Int], _ rewriter: Rewriter, _ opcode: (Int) -> Opcode
  ) throws(TypeError) -> Parts? {
    let size = inner.reduce(1, *)
    let sizes = parts.values.map { rewriter.type(of: $0).elementCount }
    guard sizes.allSatisfy({ $0 % size == 0 }) else { return nil }
    var results: [Value] = []
    for (value, elements) in zip(parts.values, sizes) {
      results.append(try rewriter.emit(opcode(elements / size), value))
    }
    return Parts(values: results, count: sizes[0] / size, layer: parts.layer)
  }

  /// The bias of the outputs that see no inputs, and a layer for the others.
  private func splitLayer(
    _ operation: TensorOperation, _ mask: Mask, _ rewriter: Rewriter
  ) throws(TypeError) -> Parts? {
    guard operation.operands.count == 3, rewriter.type(of: operation.operands[0]).rank == 1,
      rewriter.function.type(of: operation.result).hasRows
    else { return nil }
    let sees = (0..<mask.rows).map { mask.row($0).contains(true) }
    guard let first = sees.firstIndex(of: true), let last = sees.lastIndex(of: true),
      first > 0 || last < mask.rows - 1
    else { return nil }
    defer { layerCount += 1 }
    guard layers?.contains(layerCount) ?? true else { return nil }
    let others = first > 0 ? first..<mask.rows : 0..<last + 1
    let bias = operation.operands[2]
    let fixed = try rewriter.slice(bias, first > 0 ? 0..<first : last + 1..<mask.rows)
    let layer = try rewriter.emit(
      .linear(mask.reordered(rows: Array(others), columns: Array(0..<mask.columns))),
      operation.operands[0], try rewriter.slice(operation.operands[1], others),
      try rewriter.slice(bias, others))
    return Parts(
      values: first > 0 ? [fixed, layer] : [layer, fixed],
      count: first > 0 ? first : others.count, layer: layerCount)
  }
}

extension Rewriter {
  /// Some items along the first axis.
  fileprivate func slice(_ value: Value, _ items: Range<Int>) throws(TypeError) -> Value {
    try emit(.slice(axis: 0, start: items.lowerBound, end: items.upperBound), value)
  }
}
