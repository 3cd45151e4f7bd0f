import FlowIR

/// Reads the rows of an argument into a buffer, each once for a group of rows if they are grouped.
struct LoadNode: NodeBody {
  let argument: Int
  let isGrouped: Bool
  let target: Buffer

  func reads(of item: Int) -> [Span] { [] }
  var isFunction: Bool { false }
  func writes(of item: Int) -> [Span] { [Span(target)] }

  func label(_ function: Function) -> String { "load \(function.arguments[argument].name)" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost {
    NodeCost(bytes: target.elements * views.function.realType.byteCount)
  }
  func summary(_ text: NodeText) -> String {
    let groups = isGrouped ? " of groups" : ""
    return "load \(text.function.arguments[argument].name)\(groups) -> \(text.place(target))"
  }
}
