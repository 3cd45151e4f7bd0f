import FlowIR

extension CFile {
  /// The items of a node that belong to the current step of an enclosing loop: begin and end.
  func range(_ node: Node, count: Int, step: Int?) -> (
    begin: String, end: String, order: [Int]?
  ) {
    range(node.itemSteps, count: count, step: step)
  }

  /// The items, each with the step that it belongs to, that belong to the current step.
  func range(_ itemSteps: [Int], count: Int, step: Int?) -> (
    begin: String, end: String, order: [Int]?
  ) {
    guard let steps = step else { return ("0", "\(count)", nil) }
    let order = itemSteps.indices.sorted { (itemSteps[$0], $0) < (itemSteps[$1], $1) }
    var starts = [Int](repeating: 0, count: steps + 1)
    for value in itemSteps { starts[value + 1] += 1 }
    for index in 0..<steps { starts[index + 1] += starts[index] }
    let name = definitions.table(starts)
    return ("\(name)[step]", "\(name)[step + 1]", order)
  }

  /// The statements that do a node's work.
  func workStatements(_ node: Node, step: Int?, layout: SlotLayout) -> [String] {
    switch node.kind {
    case .load(let argument, let buffer, let offset):
      let n = buffer.elements
      return [
        "fk_load_tile((const fk_real *)args[\(argument)] + row * \(n), \(n), valid, width, "
          + "\(pointer(buffer)) + \(offset) * FK_TILE);"
      ]
    case .store(let buffer, let result):
      let n = buffer.elements
      return [
        "if (results[\(result)]) fk_store_tile(\(pointer(buffer)), \(n), valid, "
          + "(fk_real *)results[\(result)] + row * \(n));"
      ]
    case .copy(let runs, let target):
      return runs.enumerated().map { index, run in
        let condition = step == nil ? "" : "if (step == \(node.itemSteps[index])) "
        return condition + copy(run, target)
      }
    case .linear(let linear): return statements(linear, node: node, step: step)
    case .group(let group): return statements(group, node: node, step: step)
    case .weightGradient(let gradient):
      let reduction = layout.offsets[gradient.reduction]
      let blocks = panelTable(gradient.layout)
      return [
        "if (valid < FK_TILE) fk_clear_rows(\(pointer(gradient.gradient)), \(gradient.outputs), valid);",
        "fk_weight_gradient(\(pointer(gradient.gradient)), \(pointer(gradient.input)), "
          + "\(gradient.inputs), \(pointer(gradient.transposed)), \(gradient.stride), \(blocks), "
          + "\(gradient.layout.panels.count), gradients + \(reduction), accumulate);",
      ]
    case .solve(let solve):
      let step = solve.isShared ? 0 : solve.size * solve.size
      let call: String
      switch solve.matrix {
      case .uniform(let value): call = "fk_solve_tile(\(emitter.pointer(value))"
      case .rows(let buffer): call = "fk_solve_tile_rows(\(pointer(buffer))"
      }
      return [
        "\(call), \(step), \(pointer(solve.input)), \(pointer(solve.output)), "
          + "\(solve.vectors), \(solve.size), \(solve.upper ? 1 : 0), \(solve.unit ? 1 : 0));"
      ]
    case .random(let distribution, let stream, let seed, let buffer):
      let pointer = emitter.pointer(seed).replacingReal
      return [
        "fk_random(\(distribution == .normal ? 1 : 0), (uint32_t)(\(pointer))[0], "
          + "(uint32_t)(\(pointer))[1], first_row + (uint64_t)row, \(stream), \(buffer.elements), width, "
          + "\(self.pointer(buffer)));"
      ]
    case .rowSum(let buffer, let reduction):
      return [
        "fk_add_row_sums(\(pointer(buffer)), \(buffer.elements), valid, "
          + "sums + \(layout.offsets[reduction]));"
      ]
    case .steps(let steps): return statements(steps, layout: layout)
    case .loop(let loop): return statements(loop, layout: layout)
    case .root(let root): return statements(root, node: node, step: step, layout: layout)
    case .quadrature(let quadrature):
      return statements(quadrature, node: node, step: step, layout: layout)
    }
  }

  func copy(_ run: CopyRun, _ target: Buffer) -> String {
    let to = "\(pointer(target)) + \(run.target) * FK_TILE"
    switch run.source {
    case .buffer(let buffer, let index):
      return "memcpy(\(to), \(pointer(buffer)) + \(index) * FK_TILE, "
        + "\(run.count) * FK_TILE * sizeof(fk_real));"
    case .uniform(let value, let index):
      return "fk_fill_from(\(to), \(emitter.pointer(value)) + \(index), \(run.count));"
    case .constant(let value):
      let number = Expressions.number(value, program.dtype)
      return "fk_fill(\(to), \(number), \(run.count));"
    }
  }
}

extension String {
  /// A pointer expression to words instead of reals.
  var replacingReal: String { "(const int32_t *)" + self }
}

extension TileProgram {
  /// The float type that the function computes in.
  public var dtype: DType {
    function.types.first { $0.dtype.isFloat }?.dtype ?? .f32
  }
}
