import FlowIR

/// Where the entries of a weight gradient go, if its only use is to be put in its parameter's order.
///
///     %g = linear_weight_gradient …           the sum over slots writes %b at once;
///     %a = gather %g axis 0 [2, 0, 1]    →    %g and %a are never stored
///     %b = gather %a axis 1 [1, 0]
struct GradientOrder {
  /// The entries of one row of a weight gradient that stand together in a vector.
  struct Run: Hashable {
    let row: Int
    /// Where in the vector the first stands.
    let start: Int
    /// Its input.
    let first: Int
    var count: Int
  }

  enum Entries {
    /// The output and the input whose entry row o and column i of the target hold.
    case matrix(rows: [Int], columns: [Int])
    /// The entries that a vector holds, in its order.
    case vector([Run])
  }

  /// The value that is stored.
  let target: Value
  let entries: Entries
}

/// The weight gradients of a function that are stored in their parameters' order.
struct GradientOrders {
  /// The order of each weight gradient that is read in no other way.
  private(set) var orders: [Value: GradientOrder] = [:]
  /// Values that are never stored, since only their gathered form is read.
  private(set) var bypassed: Set<Value> = []
  /// The values that are stored instead.
  var targets: Set<Value> { Set(orders.values.map(\.target)) }

  /// Finds gathers of a weight gradient, by rows, by columns or both, that nothing else reads.
  init(_ views: Views, needed: Set<Value>) {
    let function = views.function
    var readers: [Value: Int] = [:]
    for operation in function.operations {
      for operand in operation.inputs { readers[operand, default: 0] += 1 }
    }
    for result in function.results { readers[result.value, default: 0] += 1 }
    for operation in function.operations.reversed() {
      guard let value = operation.results.first, needed.contains(value), !bypassed.contains(value),
        let found = Self.find(operation, views, readers: readers)
      else { continue }
      orders[found.source] = GradientOrder(target: value, entries: found.entries)
      bypassed.formUnion(found.chain)
    }
  }

  /// What a gather makes of a weight gradient that nothing else reads: the gradient, the values on the
  /// way that are then never stored, and the order.
  private static func find(
    _ operation: TensorOperation, _ views: Views, readers: [Value: Int]
  ) -> (source: Value, chain: [Value], entries: GradientOrder.Entries)? {
    guard case .gather = operation.opcode, let value = operation.results.first else { return nil }
    var chain: [Value] = []
    var source = operation.operands[0]
    var isMatrix = true
    walk: while let definition = views.definition(of: source) {
      if case .reshape = definition.opcode {
        isMatrix = false
      } else if case .gather = definition.opcode {
      } else {
        break walk
      }
      chain.append(source)
      source = definition.operands[0]
    }
    chain.append(source)
    guard case .linearWeightGradient? = views.definition(of: source)?.opcode,
      chain.allSatisfy({ readers[$0] == 1 })
    else { return nil }
    let shape = views.type(of: source).shape
    if isMatrix {
      return matrixOrder(views.matrix(value), shape).map { (source, chain, $0) }
    }
    let vector = views.vector(value)
    guard vector.base == source, views.type(of: value).rank == 1 else { return nil }
    return runs(vector.indices, columns: shape[1]).map { (source, chain, .vector($0)) }
  }

  private static func matrixOrder(
    _ view: MatrixView, _ shape: [Int]
  ) -> GradientOrder.Entries? {
    let rows = view.rows.map { $0 / shape[1] }
    guard rows.sorted() == Array(0..<shape[0]), view.columns.sorted() == Array(0..<shape[1])
    else { return nil }
    return .matrix(rows: rows, columns: view.columns)
  }

  /// The entries of a vector as runs of neighbours in a row; nil unless each row has one run.
  private static func runs(_ indices: [Int], columns: Int) -> [GradientOrder.Run]? {
    var runs: [GradientOrder.Run] = []
    for (place, index) in indices.enumerated() {
      let (row, input) = (index / columns, index % columns)
      if let last = runs.last, last.row == row {
        if last.first + last.count != input { return nil }
        runs[runs.count - 1].count += 1
      } else {
        runs.append(GradientOrder.Run(row: row, start: place, first: input, count: 1))
      }
    }
    return Set(runs.map(\.row)).count == runs.count ? runs : nil
  }
}
