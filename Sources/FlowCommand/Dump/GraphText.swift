import FlowIR

/// A function as a Graphviz graph.
struct GraphText {
  let text: String

  init(_ function: Function) {
    var lines = ["digraph \"\(function.name)\" {", "  node [shape=box, fontname=\"monospace\"];"]
    for argument in function.arguments {
      lines.append("  v\(argument.value.id) [label=\"\(argument.name)\", shape=ellipse];")
    }
    for operation in function.operations.withRegions {
      guard let first = operation.results.first else { continue }
      let type = function.type(of: first)
      lines.append("  v\(first.id) [label=\"\(operation.opcode.name)\\n\(type)\"];")
      for input in operation.inputs { lines.append("  v\(input.id) -> v\(first.id);") }
      for extra in operation.results.dropFirst() {
        lines.append("  v\(extra.id) [label=\"\(function.type(of: extra))\"];")
        lines.append("  v\(first.id) -> v\(extra.id);")
      }
      for argument in operation.regions.flatMap(\.arguments) {
        lines.append("  v\(argument.id) [label=\"x\", shape=ellipse];")
      }
    }
    for result in function.results {
      lines.append("  \"\(result.name)\" [shape=ellipse];")
      lines.append("  v\(result.value.id) -> \"\(result.name)\";")
    }
    text = (lines + ["}"]).joined(separator: "\n")
  }
}
