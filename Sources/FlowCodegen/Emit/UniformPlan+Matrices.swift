import FlowIR

extension UniformPlan {
  /// A matrix read through transposes and gathers: entry (o, i) is `base[rows[o] + columns[i]]`.
  struct MatrixView {
    let base: Value
    let rows: [Int]
    let columns: [Int]
  }

  /// The entries of one row of a weight gradient that stand together in a vector.
  struct EntryRun: Hashable {
    let row: Int
    /// Where in the vector the first stands.
    let start: Int
    /// Its input.
    let first: Int
    var count: Int
  }

  /// Where a weight gradient's rows and columns go, if that is the only use of it.
  struct SortedGradient {
    enum Order {
      /// Row o and column i of the target, for each output and input.
      case matrix(rows: [Int], columns: [Int])
      /// The entries that a vector holds, in its order.
      case entries([EntryRun])
    }

    let target: Value
    let order: Order
  }

  /// A weight matrix as its packing reads it: only the entries of the mask, if there is one.
  func matrixView(of value: Value, used mask: Mask?) -> MatrixView {
    let view = matrixView(of: value)
    guard let reshape = context.definitions[view.base.id], case .reshape = reshape.opcode,
      let scatter = context.definitions[reshape.operands[0].id],
      case .scatterAdd(0, let indices, let size) = scatter.opcode,
      function.type(of: scatter.operands[0]).rank == 1
    else { return view }
    var places = [Int](repeating: -1, count: size)
    for (place, index) in indices.enumerated() {
      if places[index] >= 0 { return view }
      places[index] = place
    }
    guard let (rows, columns) = split(places, view, mask) else { return view }
    return MatrixView(base: scatter.operands[0], rows: rows, columns: columns)
  }

  /// Numbers for rows and columns whose sums are the places of all used entries.
  private func split(_ places: [Int], _ view: MatrixView, _ mask: Mask?) -> ([Int], [Int])? {
    let count = view.columns.count
    var rows = [Int?](repeating: nil, count: view.rows.count)
    var columns = [Int?](repeating: nil, count: count)
    let used = view.rows.indices.map { o in
      (0..<count).filter { mask?.bits[o * count + $0] ?? true }
    }
    // Long rows first: they tell most columns.
    var waiting = used.indices.sorted { (used[$1].count, $0) < (used[$0].count, $1) }
    while !waiting.isEmpty {
      let known = waiting.firstIndex { o in used[o].contains { columns[$0] != nil } } ?? 0
      let o = waiting.remove(at: known)
      for i in used[o] {
        let place = places[view.rows[o] + view.columns[i]]
        if place < 0 { return nil }
        guard let column = columns[i] else { continue }
        if let row = rows[o], row + column != place { return nil }
        rows[o] = place - column
      }
      let row = rows[o] ?? 0
      rows[o] = row
      for i in used[o] where columns[i] == nil {
        columns[i] = places[view.rows[o] + view.columns[i]] - row
      }
    }
    return (rows.map { $0 ?? 0 }, columns.map { $0 ?? 0 })
  }

  func matrixView(of value: Value) -> MatrixView {
    let shape = function.type(of: value).shape
    guard let definition = context.definitions[value.id] else {
      return MatrixView(
        base: value, rows: (0..<shape[0]).map { $0 * shape[1] }, columns: Array(0..<shape[1]))
    }
    switch definition.opcode {
    case .transpose([1, 0]):
      let view = matrixView(of: definition.operands[0])
      return MatrixView(base: view.base, rows: view.columns, columns: view.rows)
    case .gather(let axis, let indices):
      let view = matrixView(of: definition.operands[0])
      return axis == 0
        ? MatrixView(base: view.base, rows: indices.map { view.rows[$0] }, columns: view.columns)
        : MatrixView(base: view.base, rows: view.rows, columns: indices.map { view.columns[$0] })
    case .slice(let axis, let start, let end):
      let view = matrixView(of: definition.operands[0])
      return axis == 0
        ? MatrixView(base: view.base, rows: Array(view.rows[start..<end]), columns: view.columns)
        : MatrixView(base: view.base, rows: view.rows, columns: Array(view.columns[start..<end]))
    default:
      return MatrixView(
        base: value, rows: (0..<shape[0]).map { $0 * shape[1] }, columns: Array(0..<shape[1]))
    }
  }

  func vectorView(of value: Value) -> (base: Value, indices: [Int]) {
    var views = context.views
    let refs = views.elements(of: value)
    if let base = refs.first?.source, refs.allSatisfy({ $0.source == base }) {
      return (base, refs.map(\.index))
    }
    return (value, Array(refs.indices))
  }

  /// What a gather makes of a weight gradient that nothing else reads: the gradient, the values on the
  /// way that are then never stored, and the order.
  func sortedGradient(
    _ operation: Operation, readers: [Value: Int]
  ) -> (source: Value, chain: [Value], order: SortedGradient.Order)? {
    guard case .gather = operation.opcode, let value = operation.results.first else { return nil }
    var chain: [Value] = []
    var source = operation.operands[0]
    var isMatrix = true
    walk: while let definition = context.definitions[source.id] {
      switch definition.opcode {
      case .gather: break
      case .reshape: isMatrix = false
      default: break walk
      }
      chain.append(source)
      source = definition.operands[0]
    }
    chain.append(source)
    guard case .linearWeightGradient? = context.definitions[source.id]?.opcode,
      chain.allSatisfy({ readers[$0] == 1 })
    else { return nil }
    let shape = function.type(of: source).shape
    if isMatrix {
      let view = matrixView(of: value)
      let rows = view.rows.map { $0 / shape[1] }
      guard rows.sorted() == Array(0..<shape[0]), view.columns.sorted() == Array(0..<shape[1])
      else { return nil }
      return (
        source, chain,
        .matrix(
          rows: rows.indices.sorted { rows[$0] < rows[$1] },
          columns: view.columns.indices.sorted { view.columns[$0] < view.columns[$1] })
      )
    }
    let (base, indices) = vectorView(of: value)
    guard base == source, function.type(of: value).rank == 1 else { return nil }
    var runs: [EntryRun] = []
    for (place, index) in indices.enumerated() {
      let (row, input) = (index / shape[1], index % shape[1])
      if let last = runs.last, last.row == row {
        if last.first + last.count != input { return nil }
        runs[runs.count - 1].count += 1
      } else {
        runs.append(EntryRun(row: row, start: place, first: input, count: 1))
      }
    }
    guard Set(runs.map(\.row)).count == runs.count else { return nil }
    return (source, chain, .entries(runs))
  }
}
