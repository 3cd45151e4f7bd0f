import FlowIR

/// A layer's weights and bias in the order in which its panels read them, made when what they are
/// made of changes: how the copy is taken, when and where it lies.
struct Packing {
  let pack: Pack
  let weight: MatrixView
  let bias: VectorView?
  /// The level after whose uniform values it can be made.
  let level: Int

  init(_ pack: Pack, _ views: Views, _ schedule: Schedule) {
    self.pack = pack
    weight = views.matrix(pack.weight, used: pack.mask)
    bias = pack.bias.map { views.vector($0) }
    level = max(
      schedule.level(of: weight.base), bias.map { schedule.level(of: $0.base) } ?? 0)
  }

  /// The values that it copies from.
  var sources: [Value] { [weight.base] + (bias.map { [$0.base] } ?? []) }
}

/// A matrix read through transposes and gathers: entry (o, i) is `base[rows[o] + columns[i]]`.
struct MatrixView {
  let base: Value
  let rows: [Int]
  let columns: [Int]
}

/// A vector read through views: entry i is `base[indices[i]]`.
struct VectorView {
  let base: Value
  let indices: [Int]
}

extension Views {
  /// A weight matrix as its packing reads it: only the entries of the mask, if there is one.
  ///
  /// Where training keeps the used entries of a matrix in a vector, the matrix is a scatter of it;
  /// then packing reads the vector itself.
  func matrix(_ value: Value, used mask: Mask?) -> MatrixView {
    let view = matrix(value)
    guard let reshape = definition(of: view.base), case .reshape = reshape.opcode,
      let scatter = definition(of: reshape.operands[0]),
      case .scatterAdd(0, let indices, let size) = scatter.opcode,
      type(of: scatter.operands[0]).rank == 1
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

  /// A matrix as rows and columns of the value beneath its views.
  func matrix(_ value: Value) -> MatrixView {
    let shape = type(of: value).shape
    if let definition = definition(of: value), let operand = definition.operands.first,
      type(of: operand).rank == 2,
      let axes = definition.opcode.viewAxes(from: type(of: operand).shape, to: shape),
      !axes.contains(.repeated)
    {
      let view = matrix(operand)
      let lists = zip(axes, shape).map { axis, extent in
        (0..<extent).map { i in
          axis.place(i).map { $0.axis == 0 ? view.rows[$0.index] : view.columns[$0.index] } ?? 0
        }
      }
      return MatrixView(base: view.base, rows: lists[0], columns: lists[1])
    }
    return MatrixView(
      base: value, rows: (0..<shape[0]).map { $0 * shape[1] }, columns: Array(0..<shape[1]))
  }

  /// A vector as elements of one value beneath its views, or of itself if there are several.
  func vector(_ value: Value) -> VectorView {
    let refs = elements(of: value)
    if let base = refs.first?.source, refs.allSatisfy({ $0.source == base }) {
      return VectorView(base: base, indices: refs.map(\.index))
    }
    return VectorView(base: value, indices: Array(refs.indices))
  }
}
