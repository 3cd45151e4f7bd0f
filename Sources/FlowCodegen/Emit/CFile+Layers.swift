import FlowIR

extension CFile {
  func statements(_ linear: LinearNode, node: Node, step: Int?) -> [String] {
    let (begin, end, order) = range(node, count: linear.layout.panels.count, step: step)
    let table = panelTable(linear.layout, order: order)
    let kernel = gemm(linear)
    return [call(kernel, emitter.pointer(plan.packOffsets[linear.pack]), table, begin, end, linear)]
  }

  func call(
    _ kernel: String, _ packed: String, _ table: String, _ begin: String, _ end: String,
    _ linear: LinearNode
  ) -> String {
    let extra = linear.extra.map { pointer($0.buffer) } ?? "s"
    if linear.repeats == 1 {
      return "\(kernel)(width, \(packed), \(table), \(begin), \(end), \(pointer(linear.input)), "
        + "\(pointer(linear.output)), \(extra));"
    }
    let extraStep = linear.extra == nil ? "" : " + n * \(linear.outputs) * FK_TILE"
    return
      "for (int n = 0; n < \(linear.repeats); n++) \(kernel)(width, \(packed), \(table), \(begin), "
      + "\(end), \(pointer(linear.input)) + n * \(linear.inputs) * FK_TILE, "
      + "\(pointer(linear.output)) + n * \(linear.outputs) * FK_TILE, \(extra)\(extraStep));"
  }

  /// The kernel for an epilogue, defined once for all layers that share it.
  func gemm(_ linear: LinearNode) -> String {
    var numbers: [Value: String] = [linear.product: "acc"]
    var lines: [String] = []
    if let extra = linear.extra {
      let isFloat = program.function.type(of: extra.value).dtype.isFloat
      numbers[extra.value] = "x"
      lines.append(
        "const \(isFloat ? "fk_vec x = fk_load" : "fk_int x = fk_load_int")(extra);")
    }
    for operation in linear.epilogue {
      let dtypes = operation.operands.map { program.function.type(of: $0).dtype }
      var operands: [String] = []
      for (operand, dtype) in zip(operation.operands, dtypes) {
        if let known = numbers[operand] {
          operands.append(known)
        } else {
          let splat = program.context.views.splat(of: operand) ?? 0
          operands.append(Expressions.splat(splat, dtype))
        }
      }
      let name = "e\(lines.count)"
      let dtype = program.function.type(of: operation.result).dtype
      lines.append(
        "const \(Expressions.type(dtype)) \(name) = "
          + Expressions.pointwise(operation.opcode, operands, dtypes) + ";")
      numbers[operation.result] = name
    }
    let result = numbers[linear.result] ?? "acc"
    let body = lines.map { "  \($0)\n" }.joined() + "  return \(result);\n"
    return definitions.define("linear", "gemm" + body) { name in
      "FK_INLINE fk_vec \(name)_epilogue(fk_vec acc, const fk_real *extra) {\n  (void)extra;\n"
        + body + "}\nFK_DEFINE_GEMM(\(name), \(name)_epilogue)\n"
    }
  }

  func statements(_ group: GroupNode, node: Node, step: Int?) -> [String] {
    let emitter = GroupEmitter(group, program.context)
    var parameters = "(int width, int begin, int end, const int32_t *items"
    var arguments = ""
    for (index, parameter) in emitter.parameters.enumerated() {
      switch parameter {
      case .buffer(let id):
        parameters += ", fk_real *p\(index)"
        arguments += ", " + (emitter.buffers[id].map { pointer($0) } ?? "s")
      case .uniform(let value):
        parameters += ", const fk_real *p\(index)"
        arguments += ", " + self.emitter.pointer(value)
      case .table(let values):
        parameters += ", const int32_t *p\(index)"
        arguments += ", " + definitions.table(values)
      }
    }
    let name = definitions.function("group", parameters + ") {\n" + emitter.body() + "}\n")
    let (begin, end, order) = range(node, count: group.extent, step: step)
    let items = order.map { $0 == Array($0.indices) ? "0" : definitions.table($0) } ?? "0"
    let clear = step == nil ? self.clear(group) : []
    return clear + ["\(name)(width, \(begin), \(end), \(items)\(arguments));"]
  }

  /// Sets the accumulators of a group to the start of their reductions.
  func clear(_ group: GroupNode) -> [String] {
    group.sums.sorted { $0.key < $1.key }.map { value, sum in
      let dtype = program.function.type(of: value).dtype
      let start =
        switch sum.reduction {
        case .sum: "0"
        case .product: "1"
        case .maximum: dtype.isFloat ? "-FK_INFINITY" : "-2147483647"
        case .minimum: dtype.isFloat ? "FK_INFINITY" : "2147483647"
        }
      return "fk_fill(\(pointer(sum.buffer)), \(start), \(sum.buffer.elements));"
    }
  }

  func statements(_ steps: StepsNode, layout: SlotLayout) -> [String] {
    var lines = ["fk_fill(\(pointer(steps.state)), 0, \(steps.state.elements));"]
    if steps.isIncremental {
      // What a masked product multiplies by zero before it is known must not be NaN.
      for node in steps.nodes.flatMap(\.all) {
        if case .linear(let linear) = node.kind, linear.layout.isIrregular,
          linear.input.root !== steps.state
        {
          lines.append("fk_fill(\(pointer(linear.input)), 0, \(linear.input.elements));")
        }
        if case .group(let group) = node.kind { lines += clear(group) }
      }
    }
    lines.append("for (int step = 0; step < \(steps.steps); step++) {")
    for node in steps.nodes {
      lines += statements(node, step: steps.isIncremental ? steps.steps : nil, layout: layout)
    }
    if !steps.isIncremental {
      // The values beside x belong to the x that went into the last pass.
      lines.append(
        "memcpy(\(pointer(steps.state)), \(pointer(steps.next)), "
          + "\(steps.state.elements) * FK_TILE * sizeof(fk_real));")
    }
    lines.append("}")
    if !steps.isIncremental {
      for node in steps.nodes { lines += statements(node, step: nil, layout: layout) }
    }
    return lines
  }
}
