import FlowIR

/// Resolves views (reshape, slice, gather, …) to the elements of the values beneath them.
///
/// Views are never computed: whoever reads one reads through it.
struct Views {
  private let function: Function
  private let definitions: [Operation?]
  private var cache: [Value: [ElementRef]] = [:]

  init(function: Function, definitions: [Operation?]) {
    self.function = function
    self.definitions = definitions
  }

  /// Where each element of a value comes from, in row-major order.
  mutating func elements(of value: Value) -> [ElementRef] {
    if let known = cache[value] { return known }
    let refs = resolve(value)
    cache[value] = refs
    return refs
  }

  /// The constant that every element of a value equals, if there is one.
  mutating func splat(of value: Value) -> Double? {
    let refs = elements(of: value)
    guard let first = refs.first, first.source == nil else { return nil }
    let same = refs.allSatisfy {
      $0.source == nil && $0.constant.bitPattern == first.constant.bitPattern
    }
    return same ? first.constant : nil
  }

  private mutating func resolve(_ value: Value) -> [ElementRef] {
    let type = function.type(of: value)
    let identity = { (0..<type.elementCount).map { ElementRef.element(value, $0) } }
    guard let operation = definitions[value.id] else { return identity() }
    switch operation.opcode {
    case .constant(let literal):
      guard let splat = literal.splat else { return identity() }
      return Array(repeating: .constant(splat), count: type.elementCount)
    case .reshape:
      return elements(of: operation.operands[0])
    case .broadcast, .transpose, .slice, .gather:
      let source = elements(of: operation.operands[0])
      let shape = function.type(of: operation.operands[0]).shape
      return sourceIndices(operation.opcode, from: shape, to: type.shape).map { source[$0] }
    case .pad(let axis, let low, _, let fill):
      let source = elements(of: operation.operands[0])
      let shape = function.type(of: operation.operands[0]).shape
      let inner = shape[(axis + 1)...].reduce(1, *)
      return (0..<type.elementCount).map { index in
        let along = index / inner % type.shape[axis] - low
        guard (0..<shape[axis]).contains(along) else { return .constant(fill) }
        let outer = index / (inner * type.shape[axis])
        return source[(outer * shape[axis] + along) * inner + index % inner]
      }
    case .concatenate(let axis):
      return concatenated(operation, axis: axis, type: type)
    case .unary, .binary, .compare, .select, .convert, .reduce, .cumulativeSum, .search, .take,
      .scatterAdd, .linear, .linearWeightGradient, .matmul, .matrixExponential, .cholesky,
      .triangularSolve, .rowSum, .rowCount, .random, .autoregressiveInverse, .odeSolve,
      .odeAdjoint, .monotoneRoot, .quadrature:
      return identity()
    }
  }

  private mutating func concatenated(
    _ operation: Operation, axis: Int, type: TensorType
  ) -> [ElementRef] {
    let inner = type.shape[(axis + 1)...].reduce(1, *)
    let outer = type.shape[..<axis].reduce(1, *)
    let parts = operation.operands.map { elements(of: $0) }
    let extents = operation.operands.map { function.type(of: $0).shape[axis] }
    var refs: [ElementRef] = []
    refs.reserveCapacity(type.elementCount)
    for index in 0..<outer {
      for (part, extent) in zip(parts, extents) {
        refs += part[index * extent * inner..<(index + 1) * extent * inner]
      }
    }
    return refs
  }

  /// For each element of the result, the flat index of the operand's element.
  private func sourceIndices(_ opcode: Opcode, from: [Int], to: [Int]) -> [Int] {
    let sourceStrides = strides(of: from)
    var maps = to.map { Array(0..<$0) }
    var axisStrides = [Int](repeating: 0, count: to.count)
    switch opcode {
    case .broadcast:
      let shift = to.count - from.count
      for axis in from.indices where from[axis] != 1 {
        axisStrides[axis + shift] = sourceStrides[axis]
      }
    case .transpose(let permutation):
      axisStrides = permutation.map { sourceStrides[$0] }
    case .slice(let axis, let start, let end):
      axisStrides = sourceStrides
      maps[axis] = Array(start..<end)
    case .gather(let axis, let indices):
      axisStrides = sourceStrides
      maps[axis] = indices
    default:
      preconditionFailure("\(opcode.name) is no view of one operand")
    }
    var result = [0]
    for axis in to.indices {
      let offsets = maps[axis].map { $0 * axisStrides[axis] }
      var next: [Int] = []
      next.reserveCapacity(result.count * offsets.count)
      for base in result { for offset in offsets { next.append(base + offset) } }
      result = next
    }
    return result
  }
}

/// The distance between neighbours along each axis of a row-major array.
func strides(of shape: [Int]) -> [Int] {
  var result = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() {
    result[axis] = result[axis + 1] * shape[axis + 1]
  }
  return result
}
