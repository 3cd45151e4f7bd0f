import FlowIR

/// A reshape to the value's own shape is the value; two reshapes in a row are one.
@Sendable func composeReshapes(_ operation: TensorOperation, _ rewriter: Rewriter) throws(TypeError)
  -> [Value]?
{
  guard case .reshape(let shape) = operation.opcode else { return nil }
  var source = operation.operands[0]
  while let definition = rewriter.definition(of: source), case .reshape = definition.opcode {
    source = definition.operands[0]
  }
  if rewriter.type(of: source).shape == shape { return [source] }
  return source == operation.operands[0] ? nil : [try rewriter.emit(.reshape(shape), source)]
}

/// A slice of everything is the value; two slices in a row are one.
@Sendable func composeSlices(_ operation: TensorOperation, _ rewriter: Rewriter) throws(TypeError)
  -> [Value]?
{
  guard case .slice(let axis, let start, let end) = operation.opcode else { return nil }
  let source = operation.operands[0]
  if start == 0, end == rewriter.type(of: source).shape[axis] { return [source] }
  guard let definition = rewriter.definition(of: source),
    case .slice(axis, let outer, _) = definition.opcode
  else { return nil }
  return [
    try rewriter.emit(
      .slice(axis: axis, start: outer + start, end: outer + end), definition.operands[0])
  ]
}

/// A gather of all indices in order is the value; a gather of consecutive indices is a slice; two
/// gathers in a row are one.
@Sendable func composeGathers(_ operation: TensorOperation, _ rewriter: Rewriter) throws(TypeError)
  -> [Value]?
{
  guard case .gather(let axis, let indices) = operation.opcode else { return nil }
  let source = operation.operands[0]
  if let definition = rewriter.definition(of: source),
    case .gather(axis, let outer) = definition.opcode
  {
    let composed = indices.map { outer[$0] }
    if composed == Array(0..<rewriter.type(of: definition.operands[0]).shape[axis]) {
      return [definition.operands[0]]
    }
    return [try rewriter.emit(.gather(axis: axis, indices: composed), definition.operands[0])]
  }
  guard let first = indices.first, indices == Array(first..<first + indices.count) else {
    return nil
  }
  if indices.count == rewriter.type(of: source).shape[axis] { return [source] }
  return [try rewriter.emit(.slice(axis: axis, start: first, end: first + indices.count), source)]
}

/// A transpose that keeps the order of the axes is the value; two transposes in a row are one.
@Sendable func composeTransposes(_ operation: TensorOperation, _ rewriter: Rewriter)
  throws(TypeError)
  -> [Value]?
{
  guard case .transpose(let permutation) = operation.opcode else { return nil }
  if permutation == Array(permutation.indices) { return [operation.operands[0]] }
  guard let definition = rewriter.definition(of: operation.operands[0]),
    case .transpose(let inner) = definition.opcode
  else { return nil }
  let composed = permutation.map { inner[$0] }
  if composed == Array(composed.indices) { return [definition.operands[0]] }
  return [try rewriter.emit(.transpose(composed), definition.operands[0])]
}

/// A view of a splat constant is a splat constant.
@Sendable func splatView(_ operation: TensorOperation, _ rewriter: Rewriter) throws(TypeError)
  -> [Value]?
{
  guard operation.opcode.isRearrangement,
    let value = rewriter.splat(of: operation.operands[0])
  else { return nil }
  let type = try operation.opcode.resultTypes(
    operands: operation.operands.map(rewriter.type(of:)))[0]
  return [rewriter.builderSplat(value, shape: type.shape, dtype: type.dtype)]
}

/// A scatter along a permutation is a gather along its inverse.
@Sendable func scatterPermutation(_ operation: TensorOperation, _ rewriter: Rewriter)
  throws(TypeError)
  -> [Value]?
{
  guard case .scatterAdd(let axis, let indices, let size) = operation.opcode,
    indices.count == size, indices.sorted() == Array(0..<size)
  else { return nil }
  let inverse = indices.indices.sorted { indices[$0] < indices[$1] }
  return [try rewriter.emit(.gather(axis: axis, indices: inverse), operation.operands[0])]
}
