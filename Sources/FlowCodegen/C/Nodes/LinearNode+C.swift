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

  /// The most instructions that an epilogue takes in the registers of a product's sums.
  private static let fewInstructions = 8

  /// The most outputs of a panel that reads its inputs with the next one.
  private static let farFew = 3

  /// The numbers of inputs for which a panel has code of its own, where a processor's registers hold them:
  /// `FK_FEW_INPUTS`.
  private static let fewInputs = 1...6

  /// What compilers take for the products of a panel, and for what comes after them or takes fewer rows, as
  /// `CPart.effort` has it.
  private static let panelEffort = 7000
  private static let otherEffort = 1200

  /// The function of the layer, which all layers share whose epilogue is the same, and whose panels have the
  /// same numbers of outputs.
  private func kernel(_ printer: NodePrinter) -> String {
    let definitions = printer.definitions
    var cost = NodeCost()
    cost.add(epilogue, kept: [result], printer.program.views, on: .planned)
    let elements = printer.program.views.type(of: result).elementCount
    let isLate = cost.instructions > Self.fewInstructions * elements
    let after = define(epilogueBody(printer), definitions)
    let products = isLate ? define("  return acc;\n", definitions) : after
    let sizes = Set(layout.panels.map(\.rows)).sorted()
    func definePanels(_ macro: String, of sizes: [Int], effort: Int = Self.panelEffort) {
      for size in sizes {
        let panel = "\(macro)(\(products), \(size))"
        _ = definitions.ofLayers("panel", panel, effort: effort) { _ in panel }
      }
    }
    func cases(_ macro: String, of sizes: [Int]) -> String {
      sizes.map { "\(macro)(\(products), \($0))" }.joined(separator: " ")
    }
    definePanels("FK_DEFINE_PANEL_VECTOR", of: sizes, effort: Self.otherEffort)
    let panels: String
    if isFar {
      let few = sizes.filter { $0 <= Self.farFew }
      definePanels("FK_DEFINE_FAR_PANEL", of: sizes)
      definePanels("FK_DEFINE_FAR_TWO", of: few)
      panels =
        cases("FK_FAR_TWO_CASE", of: few) + " "
        + cases("FK_FAR_CASE", of: sizes.filter { $0 > Self.farFew })
    } else {
      definePanels("FK_DEFINE_PANEL", of: sizes)
      panels = cases("FK_PANEL_CASE", of: sizes)
    }
    let few = Set(layout.panels.map(\.k)).intersection(Self.fewInputs).sorted()
    definePanels("FK_DEFINE_FEW", of: few, effort: Self.otherEffort)
    let all = few.isEmpty ? panels : cases("FK_FEW_CASE", of: few) + " " + panels
    let late = "FK_DEFINE_LATE(\(after))"
    if isLate { _ = definitions.ofLayers("late", late, effort: Self.otherEffort) { _ in late } }
    let row = "FK_DEFINE_ROW(\(after))"
    _ = definitions.ofLayers("row", row, effort: Self.otherEffort) { _ in row }
    // Many instructions for each output are worth their lanes in a small product too.
    let least = isLate ? "0" : "FK_ROW_WORK"
    let parts = "\(all), \(after), \(least), \(isLate ? "FK_LATE(\(after))" : "")"
    return definitions.layer(parts)
  }

  /// The name of the products whose sums a body turns into what is stored.
  private func define(_ body: String, _ definitions: Definitions) -> String {
    definitions.ofLayers("linear", "epilogue " + body) { name in
      "FK_INLINE fk_vec \(name)_epilogue(fk_vec acc, const fk_real *extra) {\n  (void)extra;\n"
        + body + "}"
    }
  }

  /// What the epilogue does to `acc`, a vector of the product.
  private func epilogueBody(_ printer: NodePrinter) -> String {
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
    return lines.map { "  \($0)\n" }.joined() + "  return \(numbers[result] ?? "acc");\n"
  }
}
