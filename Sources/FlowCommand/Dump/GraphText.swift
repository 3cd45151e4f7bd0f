import FlowCodegen
import FlowIR

/// A function or a tile program as a Graphviz graph, its nodes in boxes within boxes, one for each part of
/// the model.
struct GraphText {
  let text: String

  /// The parts of the model, each with its own nodes and its parts, in the order in which they come.
  private final class Part {
    let name: String
    let path: String
    var nodes: [String] = []
    private(set) var parts: [Part] = []

    init(name: String = "", path: String = "") { (self.name, self.path) = (name, path) }

    func part(_ scope: Scope) -> Part {
      scope.path.split(separator: ".").reduce(self) { part, name in
        if let known = part.parts.first(where: { $0.name == name }) { return known }
        let path = part.path.isEmpty ? String(name) : part.path + "." + name
        let new = Part(name: String(name), path: path)
        part.parts.append(new)
        return new
      }
    }

    /// The lines of its nodes and parts. A part that has nothing but one part is not drawn.
    func lines(_ indent: String) -> [String] {
      nodes.map { indent + $0 }
        + parts.flatMap { part -> [String] in
          if part.nodes.isEmpty, part.parts.count == 1 { return part.lines(indent) }
          return [
            "\(indent)subgraph \(Quoting.quote("cluster " + part.path)) {",
            "\(indent)  label=\(Quoting.quote(part.path)); style=rounded; color=gray;",
          ] + part.lines(indent + "  ") + ["\(indent)}"]
        }
    }
  }

  init(_ function: Function) {
    let root = Part()
    var edges: [String] = []
    for argument in function.arguments {
      let part = argument.kind == .input ? root : root.part(Self.layer(argument.name))
      part.nodes.append(
        "v\(argument.value.id) [label=\(Quoting.quote(argument.name)), shape=ellipse];")
    }
    for operation in function.operations.withRegions {
      guard let first = operation.results.first else { continue }
      let part = root.part(operation.scope)
      let label = "\(operation.opcode.name)\n\(function.type(of: first))"
      part.nodes.append("v\(first.id) [label=\(Quoting.quote(label))];")
      for input in operation.inputs { edges.append("v\(input.id) -> v\(first.id);") }
      for extra in operation.results.dropFirst() {
        part.nodes.append("v\(extra.id) [label=\(Quoting.quote("\(function.type(of: extra))"))];")
        edges.append("v\(first.id) -> v\(extra.id);")
      }
      for argument in operation.regions.flatMap(\.arguments) {
        part.nodes.append("v\(argument.id) [label=\"x\", shape=ellipse];")
      }
    }
    for (index, result) in function.results.enumerated() {
      root.nodes.append("r\(index) [label=\(Quoting.quote(result.name)), shape=ellipse];")
      edges.append("v\(result.value.id) -> r\(index);")
    }
    text = Self.graph(function.name, root, edges)
  }

  /// The nodes of each loop over rows, and what goes from one to another.
  init(_ program: TileProgram) {
    let root = Part()
    var edges: [String] = []
    for (phase, memory) in program.picture.memories.enumerated() {
      for (index, node) in memory.all.enumerated() {
        root.part(node.scope).nodes.append(
          "n\(phase)_\(index) [label=\(Quoting.quote(node.text))];")
      }
      edges += memory.flows.map {
        "n\(phase)_\($0.from) -> n\(phase)_\($0.to) [label=\"\($0.elements)\"];"
      }
    }
    text = Self.graph(program.function.name, root, edges)
  }

  private static func graph(_ name: String, _ root: Part, _ edges: [String]) -> String {
    (["digraph \(Quoting.quote(name)) {", "  node [shape=box, fontname=\"monospace\"];"]
      + root.lines("  ")
      + edges.map { "  " + $0 } + ["}"]).joined(separator: "\n")
  }

  /// The layer that a parameter is of.
  private static func layer(_ name: String) -> Scope {
    Scope(name.split(separator: ".").dropLast().joined(separator: "."))
  }
}
