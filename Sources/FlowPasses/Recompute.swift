import FlowIR

/// Computes values again behind a layer where that costs less than to keep them.
///
///     %e = exp %x : rows x 9 x f32                %e = exp %x : rows x 9 x f32
///     %h = linear %e, %w : rows x 9 x f32         %h = linear %e, %w : rows x 9 x f32
///     %a = absolute %x : rows x 9 x f32      →    %a = absolute %x : rows x 9 x f32
///     %s = reduce_sum %a axis 0 : rows x f32      …
///     …                                           %b = absolute %x : rows x 9 x f32
///     %p = multiply %h, %a : rows x 9 x f32       %p = multiply %h, %b : rows x 9 x f32
///
/// `RecomputePlan` decides. It runs last, since an operation that stands twice would otherwise be taken
/// for a common expression; lowering puts the second one into the group that reads it. Where nothing
/// reads the first one any more, it stays as the sign of that, and no code is made of it.
public let recompute = Pass(
  name: "recompute", summary: "computes values again where that costs less than to keep them"
) { function, budget throws(TypeError) in
  let plan = RecomputePlan(function)
  let chosen = plan.recomputed.sorted().filter { _ in budget.take() }
  return chosen.isEmpty
    ? function : try Repetition(function, flow: plan.flow, chosen: Set(chosen)).run()
}

/// Rebuilds a function with some values computed again in each later stage that reads them.
private final class Repetition {
  private let rewriter: Rewriter
  private let flow: RowFlow
  private let chosen: Set<Value>
  /// The copies of values that a stage has, and those that it needs none of.
  private var copies: [Int: [Value: Value?]] = [:]

  init(_ function: Function, flow: RowFlow, chosen: Set<Value>) {
    rewriter = Rewriter(function)
    self.flow = flow
    self.chosen = chosen
  }

  func run() throws(TypeError) -> Function {
    for operation in rewriter.function.operations {
      let traits = operation.opcode.traits
      var saved: [Value: Value] = [:]
      if traits.kind == .pointwise || traits.kind == .alongAxis {
        let stage = flow.stage(of: operation, flow.sources(of: operation))
        for operand in Set(operation.operands).sorted() {
          guard let copy = try copy(of: operand, in: stage) else { continue }
          saved[operand] = rewriter.mapped(operand)
          rewriter.map[operand] = copy
        }
      }
      try rewriter.visit(operation) { _, _ in nil }
      for (value, known) in saved { rewriter.map[value] = known }
    }
    return rewriter.finish()
  }

  /// The value that stands for another in a stage; nil if it is that value.
  private func copy(of value: Value, in stage: Int) throws(TypeError) -> Value? {
    if let known = copies[stage]?[value] { return known }
    guard rewriter.type(of: rewriter.mapped(value)).hasRows,
      let operation = flow.definitions[value]
    else { return nil }
    var made: Value?
    let isAgain = chosen.contains(value) && flow.stage(of: value) < stage
    if operation.opcode.isView || isAgain {
      var operands: [Value] = []
      var hasCopy = false
      for operand in operation.operands {
        let copy = try copy(of: operand, in: stage)
        if copy != nil { hasCopy = true }
        operands.append(copy ?? rewriter.mapped(operand))
      }
      if isAgain || hasCopy {
        rewriter.builder.scope = operation.scope
        var copied = operation
        copied.operands = operands
        made = try rewriter.emit(copied)[0]
      }
    }
    copies[stage, default: [:]][value] = .some(made)
    return made
  }
}
