import FlowIR

/// Writes a buffer's rows to a result.
struct StoreNode: NodeBody {
  let source: Buffer
  let result: Int

  func reads(of item: Int) -> [Span] { [Span(source)] }
  func writes(of item: Int) -> [Span] { [] }
  var results: [Int] { [result] }

  func label(_ function: Function) -> String { "store \(function.results[result].name)" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost {
    NodeCost(bytes: source.elements * views.function.realType.byteCount)
  }
  func summary(_ text: NodeText) -> String {
    "store \(text.place(source)) -> \(text.function.results[result].name)"
  }
}
