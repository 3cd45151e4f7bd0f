import FlowIR

extension GroupNode {
  func statements(_ node: Node, in printer: NodePrinter) -> [String] {
    let group = GroupPrinter(self, printer.program.views, printer.phase.scratch)
    var parameters = "(int width, int begin, int end, const int32_t *items"
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
    let name = printer.definitions.function(
      "group", parameters + ")", "{\n" + group.body() + "}\n")
    let items = printer.items(node.itemSteps, count: extent)
    let clear = printer.steps == nil ? accumulators.map { printer.clear($0) } : []
    return clear
      + ["\(name)(width, \(items.begin), \(items.end), \(items.items)\(arguments));"]
  }
}
