import FlowIR

/// Multiplies the inputs of layers that are the same for all rows once, into the bias.
func narrowInputs(_ function: Function, _ budget: RewriteBudget) throws(TypeError) -> Function {
  let fixed = FixedInputs(function)
  if fixed.byLayer.isEmpty { return function }
  return try Rewriter(function, budget: budget).run { operation, rewriter throws(TypeError) in
    guard case .linear(let mask) = operation.opcode, let inputs = fixed.byLayer[operation.result]
    else { return nil }
    let (input, weight) = (operation.operands[0], operation.operands[1])
    let shape = rewriter.type(of: weight).shape
    let own = mask ?? Mask.full(rows: shape[0], columns: shape[1])
    let values = try rewriter.emit(
      .gather(axis: 0, indices: inputs.elements), rewriter.mapped(inputs.bias))
    let columns = try rewriter.emit(.gather(axis: 1, indices: inputs.columns), weight)
    let part = own.reordered(rows: Array(0..<own.rows), columns: inputs.columns)
    let bias = try rewriter.emit(
      TensorOperation(
        opcode: .linear(part), operands: [values, columns] + operation.operands.dropFirst(2),
        results: []))[0]
    return try rewriter.emit(
      TensorOperation(
        opcode: .linear(own.without(columns: inputs.columns)), operands: [input, weight, bias],
        results: []))
  }
}

/// The inputs of layers that are the same for all rows, where it takes less time to leave them out.
private struct FixedInputs {
  struct Inputs {
    /// Which inputs they are.
    var columns: [Int] = []
    /// The bias that they equal, and which elements of it.
    let bias: Value
    var elements: [Int] = []
  }

  private(set) var byLayer: [Value: Inputs] = [:]
  private let function: Function
  /// The biases and masks of layers of which an output sees no input.
  private var sources: [Value: (bias: Value, mask: Mask)] = [:]

  init(_ function: Function) {
    self.function = function
    let layers = function.operations.withRegions.filter {
      guard case .linear = $0.opcode else { return false }
      return function.type(of: $0.result).hasRows && function.type(of: $0.result).rank == 1
        && !function.type(of: $0.operands[1]).hasRows
    }
    for layer in layers where layer.operands.count == 3 {
      guard case .linear(let mask?) = layer.opcode,
        (0..<mask.rows).contains(where: { !mask.row($0).contains(true) })
      else { continue }
      sources[layer.result] = (layer.operands[2], mask)
    }
    if sources.isEmpty { return }
    let views = Views(function)
    for layer in layers { note(layer, views.elements(of: layer.operands[0])) }
  }

  private mutating func note(_ layer: TensorOperation, _ refs: [ElementRef]) {
    guard case .linear(let mask) = layer.opcode else { return }
    var found: Inputs?
    for (column, ref) in refs.enumerated() {
      guard let value = ref.source, let source = sources[value],
        !source.mask.row(ref.index).contains(true)
      else { continue }
      var inputs = found ?? Inputs(bias: source.bias)
      guard inputs.bias == source.bias else { continue }
      inputs.columns.append(column)
      inputs.elements.append(ref.index)
      found = inputs
    }
    guard let found else { return }
    let shape = function.type(of: layer.operands[1]).shape
    let own = mask ?? Mask.full(rows: shape[0], columns: shape[1])
    // Inputs between others that an output sees are multiplied anyway.
    if own.without(columns: found.columns).reach < own.reach { byLayer[layer.result] = found }
  }
}

extension Mask {
  fileprivate static func full(rows: Int, columns: Int) -> Mask {
    Mask(rows: rows, columns: columns, bits: Array(repeating: true, count: rows * columns))
  }

  fileprivate func without(columns: [Int]) -> Mask {
    var bits = bits
    for row in 0..<rows {
      for column in columns { bits[row * self.columns + column] = false }
    }
    return Mask(rows: rows, columns: self.columns, bits: bits)
  }

  /// How many entries lie between the first and the last that are set, summed over rows.
  fileprivate var reach: Int {
    (0..<rows).reduce(0) { sum, index in
      let row = row(index)
      guard let first = row.firstIndex(of: true), let last = row.lastIndex(of: true) else {
        return sum
      }
      return sum + last - first + 1
    }
  }
}
