import FlowIR

extension GroupNode {
  /// How many times as long as for code of one vector compilers take for that of a wide one.
  private static let wideEffort = 2

  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let group = GroupPrinter(self, printer.program.views, printer.phase.scratch)
    var body = group.body()
    let wide = group.wideBody()
    var parameters = "int begin, int end, const int32_t *items"
    var arguments = ""
    for (index, parameter) in group.parameters.enumerated() {
      switch parameter {
      case .buffer(let buffer):
        parameters += ", fk_real *p\(index)"
        arguments += ", " + printer.pointer(buffer)
      case .uniform(let value):
        parameters += ", const fk_real *p\(index)"
        arguments += ", " + printer.places.pointer(value)
      case .table(let values):
        parameters += ", const int32_t *p\(index)"
        arguments += ", " + printer.definitions.table(values)
      }
    }
    if let wide {
      let name = printer.definitions.function(
        "wide", "(\(parameters))", "{\n#if \(wide.condition)\n\(wide.text)#endif\n}\n",
        effort: Self.wideEffort * wide.text.utf8.count)
      let own = group.parameters.indices.map { ", p\($0)" }.joined()
      body =
        "#if \(wide.condition)\nif (width == FK_TILE) {\n\(name)(begin, end, items\(own));\n"
        + "return;\n}\n#endif\n" + body
    }
    let name = printer.definitions.function(
      "group", "(int width, \(parameters))", "{\n\(body)}\n")
    let items = printer.items(node.itemSteps, count: extent)
    let clear = printer.steps == nil ? accumulators.map { printer.clear($0) } : []
    return clear
      + ["\(name)(width, \(items.begin), \(items.end), \(items.items)\(arguments));"]
  }
}
