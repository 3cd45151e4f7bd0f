import FlowIR

/// Splits layers over a concatenation of row values and uniform ones, such as a context shared by
/// all rows: the uniform part becomes a uniform layer, computed once, whose result is the bias.
///
///     %i = concatenate %x, %c axis 0 : rows x 5 x f32
///     %y = linear %i, %w, %b : rows x 8 x f32
///
///     %u = slice %w axis 1 from 3 to 5 : 8 x 2 x f32
///     %s = linear %c, %u, %b : 8 x f32
///     %v = slice %w axis 1 from 0 to 3 : 8 x 3 x f32
///     %y = linear %x, %v, %s : rows x 8 x f32
///
/// Operations that do not depend on rows at all have uniform types and run before the loops over rows
/// anyway.
public let hoistUniform = Pass(
  name: "hoist-uniform", summary: "computes the part of a layer that rows share once"
) { function, budget throws(TypeError) in
  try Rewriter(function, budget: budget).run { operation, rewriter throws(TypeError) in
    guard case .linear(let mask) = operation.opcode,
      let input = rewriter.definition(of: operation.operands[0]),
      case .concatenate(axis: 0) = input.opcode,
      rewriter.type(of: operation.operands[0]).rank == 1
    else { return nil }
    var spans: [(part: Value, columns: Range<Int>)] = []
    var start = 0
    for part in input.operands {
      let extent = rewriter.type(of: part).shape[0]
      spans.append((part, start..<start + extent))
      start += extent
    }
    let uniform = spans.filter { !rewriter.type(of: $0.part).hasRows }
    let rows = spans.filter { rewriter.type(of: $0.part).hasRows }
    guard !uniform.isEmpty, !rows.isEmpty else { return nil }
    let first = try layer(
      uniform, mask, operation, rewriter, bias: operation.operands.dropFirst(2).first)
    return [try layer(rows, mask, operation, rewriter, bias: first)]
  }
}

/// The layer over some parts of the input alone.
private func layer(
  _ spans: [(part: Value, columns: Range<Int>)], _ mask: Mask?, _ operation: TensorOperation,
  _ rewriter: Rewriter, bias: Value?
) throws(TypeError) -> Value {
  let columns = spans.flatMap { Array($0.columns) }
  let weight = try rewriter.emit(.gather(axis: 1, indices: columns), operation.operands[1])
  let input =
    spans.count == 1
    ? spans[0].part
    : try rewriter.emit(
      TensorOperation(opcode: .concatenate(axis: 0), operands: spans.map(\.part), results: []))[0]
  let part = mask.map { $0.reordered(rows: Array(0..<$0.rows), columns: columns) }
  return try rewriter.emit(
    TensorOperation(
      opcode: .linear(part), operands: [input, weight] + (bias.map { [$0] } ?? []), results: []))[0]
}
