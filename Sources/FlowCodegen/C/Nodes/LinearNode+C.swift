import FlowIR

extension LinearNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let (begin, end, order) = printer.range(node.itemSteps, count: items)
    let panels = printer.definitions.panels(layout, order: order)
    let kernel = kernel(printer)
    let packed = printer.places.pointer(printer.program.storage.packs[pack])
    let (x, y) = (printer.pointer(input), printer.pointer(output))
    let extra = extra.map { printer.pointer($0.buffer) } ?? "s"
    if repeats == 1 {
      return [
        KernelCall.layer(
          kernel, packed: packed, panels: panels, begin: begin, end: end, x: x, y: y,
          extra: extra
        ).statement
      ]
    }
    let extraStep = self.extra == nil ? "" : " + n * \(outputs) * FK_TILE"
    let call = KernelCall.layer(
      kernel, packed: packed, panels: panels, begin: begin, end: end,
      x: "\(x) + n * \(inputs) * FK_TILE", y: "\(y) + n * \(outputs) * FK_TILE",
      extra: extra + extraStep)
    return ["for (int n = 0; n < \(repeats); n++) \(call.statement)"]
  }

  /// The kernel for the epilogue, defined once for all layers that share it.
  private func kernel(_ printer: NodePrinter) -> String {
    let views = printer.program.views
    var numbers: [Value: String] = [product: "acc"]
    var lines: [String] = []
    if let extra {
      let isFloat = views.type(of: extra.value).dtype.isFloat
      numbers[extra.value] = "x"
      lines.append(
        "const \(isFloat ? "fk_vec x = fk_load" : "fk_int x = fk_load_int")(extra);")
    }
    for operation in epilogue {
      let dtypes = operation.operands.map { views.type(of: $0).dtype }
      let operands = zip(operation.operands, dtypes).map { operand, dtype in
        views.whole(operand).flatMap { numbers[$0] }
          ?? Expressions.splat(views.splat(of: operand) ?? 0, dtype)
      }
      let name = "e\(lines.count)"
      let dtype = views.type(of: operation.result).dtype
      lines.append(
        "const \(Expressions.type(dtype)) \(name) = "
          + Expressions.pointwise(operation.opcode, operands, dtypes) + ";")
      numbers[operation.result] = name
    }
    let result = numbers[result] ?? "acc"
    let body = lines.map { "  \($0)\n" }.joined() + "  return \(result);\n"
    return printer.definitions.define("linear", "gemm" + body) { name in
      "FK_INLINE fk_vec \(name)_epilogue(fk_vec acc, const fk_real *extra) {\n  (void)extra;\n"
        + body + "}\nFK_DEFINE_GEMM(\(name), \(name)_epilogue)\n"
    }
  }
}
