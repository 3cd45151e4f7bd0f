/// Where an element of a view comes from: an element of a value that is not a view, or a constant.
package struct ElementRef: Hashable {
  /// The value, or nil for a constant.
  package var source: Value?
  /// The flat index in the source.
  package var index: Int
  /// The constant, if there is no source.
  package var constant: Double

  package static func element(_ source: Value, _ index: Int) -> ElementRef {
    ElementRef(source: source, index: index, constant: 0)
  }

  package static func constant(_ value: Double) -> ElementRef {
    ElementRef(source: nil, index: 0, constant: value)
  }
}

/// A function's values and what they are views of.
///
/// Views (reshape, slice, gather, …) are never computed for rows: whoever reads one reads through it,
/// to the elements of the values beneath. Each value is resolved once.
package final class Views {
  package let function: Function
  /// The operation that defines each value, by identifier, those in regions included.
  package let definitions: [TensorOperation?]
  private var known: [Value: [ElementRef]] = [:]

  package init(_ function: Function) {
    self.function = function
    var definitions = [TensorOperation?](repeating: nil, count: function.types.count)
    for operation in function.operations.withRegions {
      for result in operation.results { definitions[result.id] = operation }
    }
    self.definitions = definitions
  }

  package func type(of value: Value) -> TensorType { function.type(of: value) }

  /// The operation that defines a value; nil for arguments.
  package func definition(of value: Value) -> TensorOperation? { definitions[value.id] }

  /// Where each element of a value comes from, in row-major order.
  package func elements(of value: Value) -> [ElementRef] {
    if let refs = known[value] { return refs }
    let refs = resolve(value)
    known[value] = refs
    return refs
  }

  /// The constant that every element of a value equals, if there is one.
  package func splat(of value: Value) -> Double? {
    let refs = elements(of: value)
    guard let first = refs.first, first.source == nil else { return nil }
    let same = refs.allSatisfy {
      $0.source == nil && $0.constant.bitPattern == first.constant.bitPattern
    }
    return same ? first.constant : nil
  }

  /// The value beneath a view that holds all of its elements in the same order, a value that is no view
  /// being its own; nil for other views.
  package func whole(_ value: Value) -> Value? {
    let refs = elements(of: value)
    guard let source = refs.first?.source, refs.count == type(of: source).elementCount,
      refs.enumerated().allSatisfy({ $1.source == source && $1.index == $0 })
    else { return nil }
    return source
  }

  private func resolve(_ value: Value) -> [ElementRef] {
    let type = type(of: value)
    let identity = { (0..<type.elementCount).map { ElementRef.element(value, $0) } }
    guard let operation = definition(of: value) else { return identity() }
    switch operation.opcode {
    case .constant(let literal):
      guard let splat = literal.splat else { return identity() }
      return Array(repeating: .constant(splat), count: type.elementCount)
    case .reshape:
      return elements(of: operation.operands[0])
    case .broadcast, .transpose, .slice, .gather:
      let source = elements(of: operation.operands[0])
      return sourceIndices(operation).map { source[$0] }
    case .pad(let axis, let low, _, let fill):
      let source = elements(of: operation.operands[0])
      let shape = self.type(of: operation.operands[0]).shape
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

  private func concatenated(
    _ operation: TensorOperation, axis: Int, type: TensorType
  ) -> [ElementRef] {
    let inner = type.shape[(axis + 1)...].reduce(1, *)
    let outer = type.shape[..<axis].reduce(1, *)
    let parts = operation.operands.map { elements(of: $0) }
    let extents = operation.operands.map { self.type(of: $0).shape[axis] }
    var refs: [ElementRef] = []
    refs.reserveCapacity(type.elementCount)
    for index in 0..<outer {
      for (part, extent) in zip(parts, extents) {
        refs += part[index * extent * inner..<(index + 1) * extent * inner]
      }
    }
    return refs
  }

  /// For each element of a view along axes, the flat index of the operand's element.
  private func sourceIndices(_ operation: TensorOperation) -> [Int] {
    let from = type(of: operation.operands[0]).shape
    let to = type(of: operation.result).shape
    guard let axes = operation.opcode.viewAxes(from: from, to: to) else {
      preconditionFailure("\(operation.opcode.name) is not a view of one operand")
    }
    let sourceStrides = strides(of: from)
    var result = [0]
    for (axis, extent) in zip(axes, to) {
      let offsets = (0..<extent).map { i in
        axis.place(i).map { $0.index * sourceStrides[$0.axis] } ?? 0
      }
      var next: [Int] = []
      next.reserveCapacity(result.count * offsets.count)
      for base in result { for offset in offsets { next.append(base + offset) } }
      result = next
    }
    return result
  }
}
