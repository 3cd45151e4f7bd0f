import FlowIR

/// Sorts the units of masked layers so that each sees a prefix of the layer before it.
///
/// Units are ordered by how much they see, and inputs by how many units see them; for an ordered
/// autoregressive network that is their degree, and every masked matrix becomes block lower
/// triangular. A panel of units then multiplies only its prefix: exactly the non-zero weights.
/// The order is a renaming: weights are gathered when they are packed, pointwise operations work
/// in the sorted order, and a gather restores the old order where something else reads a unit.
///
///     %h = linear %x, %w, %b mask @m0          %w1 = gather %w axis 0 [0, 2, 1, 3]
///     %r = relu %h                        →    %b1 = gather %b axis 0 [0, 2, 1, 3]
///     %y = linear %r, %v, %c mask @m1          %h = linear %x, %w1, %b1 mask @m2
///                                              %r = relu %h
///                                              %v1 = gather %v axis 1 [0, 2, 1, 3]
///                                              %y = linear %r, %v1, %c mask @m3
public let foldMasks = Pass(
  name: "fold-masks", summary: "sorts the units of masked layers so that masks become triangular"
) { function, budget throws(TypeError) in
  let folder = MaskFolder(function, budget)
  return try folder.run()
}

private final class MaskFolder {
  /// A value whose elements are held in another order: `sorted[i]` is element `order[i]`.
  struct Sorted {
    let value: Value
    let order: [Int]
  }

  let rewriter: Rewriter
  var sorted: [Value: Sorted] = [:]

  /// Values that reach the input of another layer through pointwise operations alone.
  private var feedsLayer: Set<Value> = []

  private let budget: RewriteBudget

  init(_ function: Function, _ budget: RewriteBudget) {
    rewriter = Rewriter(function)
    self.budget = budget
    noteFeeds(function.operations)
  }

  private func noteFeeds(_ operations: [TensorOperation]) {
    for operation in operations.withRegions.reversed() {
      if case .linear = operation.opcode {
        feedsLayer.insert(operation.operands[0])
      } else if operation.opcode.isPointwise, feedsLayer.contains(operation.result) {
        feedsLayer.formUnion(operation.operands)
      }
    }
  }

  func run() throws(TypeError) -> Function {
    try visit(rewriter.function.operations)
    for result in rewriter.function.results { try restore(result.value) }
    return rewriter.finish()
  }

  private func visit(_ operations: [TensorOperation]) throws(TypeError) {
    for operation in operations {
      rewriter.builder.scope = operation.scope
      if case .linear(let mask?) = operation.opcode, operation.isVectorLayer(rewriter.function),
        budget.take()
      {
        try layer(operation, mask)
      } else if let order = commonOrder(operation) {
        try pointwise(operation, order)
      } else {
        for value in operation.inputs { try restore(value) }
        if operation.regions.isEmpty {
          try rewriter.visit(operation) { _, _ in nil }
        } else {
          try structured(operation)
        }
      }
    }
  }

  private func structured(_ operation: TensorOperation) throws(TypeError) {
    // Values restored or sorted within a region do not exist after it.
    let outside = (rewriter.map, sorted)
    try rewriter.keep(operation) { region throws(TypeError) in
      try visit(region.operations)
      for result in region.results { try restore(result) }
      defer { (rewriter.map, sorted) = outside }
      return region.results.map(rewriter.mapped)
    }
  }

  /// Makes sure that a value is available in its original order.
  private func restore(_ value: Value) throws(TypeError) {
    guard rewriter.map[value] == nil, let held = sorted[value] else { return }
    let inverse = held.order.indices.sorted { held.order[$0] < held.order[$1] }
    rewriter.map[value] = try rewriter.emit(.gather(axis: 0, indices: inverse), held.value)
  }

  /// The order that a pointwise operation can work in, if all its vectors share one.
  private func commonOrder(_ operation: TensorOperation) -> [Int]? {
    guard operation.opcode.isPointwise else { return nil }
    var order: [Int]?
    for operand in operation.operands {
      if let held = sorted[operand] {
        if let order, order != held.order { return nil }
        order = held.order
      } else if rewriter.function.type(of: operand).hasRows {
        return nil
      }
    }
    return order
  }

  private func pointwise(_ operation: TensorOperation, _ order: [Int]) throws(TypeError) {
    var operands: [Value] = []
    for operand in operation.operands {
      if let held = sorted[operand] {
        operands.append(held.value)
      } else if rewriter.splat(of: rewriter.mapped(operand)) != nil {
        operands.append(rewriter.mapped(operand))
      } else {
        operands.append(
          try rewriter.emit(.gather(axis: 0, indices: order), rewriter.mapped(operand)))
      }
    }
    let results = try rewriter.emit(
      TensorOperation(opcode: operation.opcode, operands: operands, results: []))
    sorted[operation.result] = Sorted(value: results[0], order: order)
  }

  private func layer(_ operation: TensorOperation, _ mask: Mask) throws(TypeError) {
    let x = operation.operands[0]
    var columns = Array(0..<mask.columns)
    let input: Value
    if let held = sorted[x] {
      columns = held.order
      input = held.value
    } else {
      if !mask.hasContiguousRows { columns = mask.columnsByUse }
      let own = rewriter.mapped(x)
      input =
        columns == Array(0..<mask.columns)
        ? own : try rewriter.emit(.gather(axis: 0, indices: columns), own)
    }
    let identity = Array(0..<mask.rows)
    let turned = mask.reordered(rows: identity, columns: columns)
    var rows = identity
    if !turned.isGrouped || (feedsLayer.contains(operation.result) && !turned.isSortedBySight) {
      rows =
        columns.count == mask.rows
          && turned.reordered(rows: columns, columns: Array(0..<columns.count)).isGrouped
        ? columns : turned.rowsBySight
    }
    var weight = rewriter.mapped(operation.operands[1])
    var bias = operation.operands.count > 2 ? rewriter.mapped(operation.operands[2]) : nil
    if columns != Array(0..<mask.columns) {
      weight = try rewriter.emit(.gather(axis: 1, indices: columns), weight)
    }
    if rows != identity {
      weight = try rewriter.emit(.gather(axis: 0, indices: rows), weight)
      if let old = bias { bias = try rewriter.emit(.gather(axis: 0, indices: rows), old) }
    }
    let folded = turned.reordered(rows: rows, columns: Array(0..<columns.count))
    let result = try rewriter.emit(
      TensorOperation(
        opcode: .linear(folded), operands: [input, weight] + (bias.map { [$0] } ?? []),
        results: []))[0]
    if rows == identity {
      rewriter.map[operation.result] = result
    } else {
      sorted[operation.result] = Sorted(value: result, order: rows)
    }
  }
}

extension TensorOperation {
  /// Whether a linear layer multiplies one vector a row.
  fileprivate func isVectorLayer(_ function: Function) -> Bool {
    let type = function.type(of: operands[0])
    return type.hasRows && type.rank == 1
  }
}

extension Mask {
  private func sight(_ index: Int) -> Int {
    row(index).withUnsafeBufferPointer { entries in entries.reduce(0) { $0 + ($1 ? 1 : 0) } }
  }

  /// Whether every row's entries form one range.
  fileprivate var hasContiguousRows: Bool {
    (0..<rows).allSatisfy { index in
      let bits = row(index)
      guard let first = bits.firstIndex(of: true), let last = bits.lastIndex(of: true) else {
        return true
      }
      return last - first + 1 == sight(index)
    }
  }

  /// Whether equal rows stand together.
  fileprivate var isGrouped: Bool {
    var found: Set<[Bool]> = []
    return (0..<rows).allSatisfy { index in
      if index > 0 && row(index) == row(index - 1) { return true }
      return found.insert(Array(row(index))).inserted
    }
  }

  /// Whether rows that see less stand before those that see more.
  fileprivate var isSortedBySight: Bool {
    (1..<Swift.max(rows, 1)).allSatisfy { sight($0 - 1) <= sight($0) }
  }

  /// The columns, those that most rows see first.
  fileprivate var columnsByUse: [Int] {
    var uses = [Int](repeating: 0, count: columns)
    for index in bits.indices where bits[index] { uses[index % columns] += 1 }
    return (0..<columns).sorted { (-uses[$0], $0) < (-uses[$1], $1) }
  }

  /// The rows, those that see least first, equal ones together.
  fileprivate var rowsBySight: [Int] {
    let counts = (0..<rows).map(sight)
    return (0..<rows).sorted { a, b in
      if counts[a] != counts[b] { return counts[a] < counts[b] }
      let (left, right) = (row(a), row(b))
      if left == right { return a < b }
      return left.lexicographicallyPrecedes(right) { $0 && !$1 }
    }
  }
}
