import FlowIR

/// Sums each element of a buffer over the tile's rows and adds the sums to a reduction.
struct RowSumNode: NodeBody {
  let source: Buffer
  let reduction: Int

  func reads(of item: Int) -> [Span] { [Span(source)] }
  func writes(of item: Int) -> [Span] { [] }
  var reductions: [Int] { [reduction] }
  var canBeNarrow: Bool { false }

  func label(_ function: Function) -> String { "sum rows of \(source.elements)" }
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost {
    NodeCost(instructions: 2 * source.elements)
  }
  func summary(_ text: NodeText) -> String {
    "sum rows \(text.place(source)) -> reduce \(reduction)"
  }
}
