import FlowIR

/// Splits layers in a region that is evaluated many times: the part over inputs that change with the
/// evaluation, and the part over all others, which `hoist-invariants` then moves before the operation.
///
///     %q = quadrature %a, %b nodes 32 …             %h = linear %c, %u, %b : rows x 64 x f32
///       (%t: rows x 1 x f32, %dt: …) {              %q = quadrature %a, %b nodes 32 …
///         %i = concatenate %t, %c axis 0       →      (%t: rows x 1 x f32, %dt: …) {
///         %y = linear %i, %w, %b                        %p = linear %t, %v : rows x 64 x f32
///         …                                             %y = add %p, %h : rows x 64 x f32
///
/// `%u` and `%v` are the columns of `%w`. The steps of an inverse evaluate each unit once anyway.
public let splitLayers = Pass(
  name: "split-layers", summary: "separates the inputs of a layer that a region does not change"
) { function, budget throws(TypeError) in
  let splits = LayerSplits(function)
  return try Rewriter(function, budget: budget).run { operation, rewriter throws(TypeError) in
    guard case .linear(let mask) = operation.opcode,
      let split = splits.byLayer[operation.result]
    else { return nil }
    func part(_ columns: [Int], bias: Value?) throws(TypeError) -> Value {
      let input = try rewriter.assemble(columns.map { split.inputs[$0] })
      let weight = try rewriter.emit(.gather(axis: 1, indices: columns), operation.operands[1])
      let own = mask.map { $0.reordered(rows: Array(0..<$0.rows), columns: columns) }
      return try rewriter.emit(
        TensorOperation(
          opcode: .linear(own), operands: [input, weight] + (bias.map { [$0] } ?? []), results: [])
      )[0]
    }
    let fixed = try part(split.fixed, bias: operation.operands.dropFirst(2).first)
    return [try rewriter.emit(.binary(.add), try part(split.changing, bias: nil), fixed)]
  }
}

/// The layers that are worth splitting.
private struct LayerSplits {
  struct Split {
    /// Where each input of the layer comes from.
    let inputs: [ElementRef]
    /// The inputs that change with the evaluation of the region, and the others.
    let changing: [Int]
    let fixed: [Int]
  }

  private(set) var byLayer: [Value: Split] = [:]
  private let function: Function
  private let views: Views

  init(_ function: Function) {
    self.function = function
    views = Views(function)
    visit(function.operations, changing: nil)
  }

  /// `changing` are the values that change with the evaluation; nil outside of such regions.
  private mutating func visit(_ operations: [TensorOperation], changing outer: Set<Value>?) {
    var changing = outer
    for operation in operations {
      if operation.inputs.contains(where: { changing?.contains($0) ?? false }) {
        changing?.formUnion(operation.results)
      }
      if let changing { note(operation, changing) }
      for region in operation.regions {
        visit(
          region.operations,
          changing: operation.opcode.repeatsRegions ? Set(region.arguments) : nil)
      }
    }
  }

  private mutating func note(_ operation: TensorOperation, _ changing: Set<Value>) {
    guard case .linear(let mask) = operation.opcode, changing.contains(operation.operands[0]),
      !changing.contains(operation.operands[1]),
      function.type(of: operation.operands[0]).rank == 1
    else { return }
    let inputs = views.elements(of: operation.operands[0])
    let split = Split(
      inputs: inputs,
      changing: inputs.indices.filter { inputs[$0].source.map(changing.contains) ?? false },
      fixed: inputs.indices.filter { !(inputs[$0].source.map(changing.contains) ?? false) })
    let rows = function.type(of: operation.operands[1]).shape[0]
    let fixedWeights =
      mask.map { $0.reordered(rows: Array(0..<rows), columns: split.fixed).count }
      ?? rows * split.fixed.count
    // The sum of both parts costs as much as a weight.
    if !split.changing.isEmpty, fixedWeights > rows { byLayer[operation.result] = split }
  }
}

extension Opcode {
  /// Whether the operation's regions are evaluated many times, each time as a whole.
  fileprivate var repeatsRegions: Bool {
    switch self {
    case .odeSolve, .odeAdjoint, .monotoneRoot, .quadrature: true
    case .autoregressiveInverse, .constant, .unary, .binary, .compare, .select, .convert, .reduce,
      .cumulativeSum, .search, .take, .reshape, .broadcast, .transpose, .slice, .concatenate, .pad,
      .gather, .scatterAdd, .linear, .linearWeightGradient, .matmul, .matrixExponential, .cholesky,
      .triangularSolve, .rowSum, .rowCount, .random:
      false
    }
  }
}

extension Rewriter {
  /// A vector of elements of values of the old function.
  func assemble(_ refs: [ElementRef]) throws(TypeError) -> Value {
    var parts: [Value] = []
    var start = 0
    while start < refs.count {
      let source = refs[start].source
      let end = refs[start...].firstIndex { $0.source != source } ?? refs.count
      let run = refs[start..<end]
      start = end
      guard let source else {
        let values = run.map(\.constant)
        parts.append(
          try emit(.constant(Literal(values, shape: [values.count], dtype: dtype(refs)))))
        continue
      }
      let new = mapped(source)
      let flat = try emit(.reshape([type(of: new).elementCount]), new)
      parts.append(try emit(.gather(axis: 0, indices: run.map(\.index)), flat))
    }
    if parts.count == 1 { return parts[0] }
    return try emit(
      TensorOperation(opcode: .concatenate(axis: 0), operands: parts, results: []))[0]
  }

  private func dtype(_ refs: [ElementRef]) -> DType {
    refs.lazy.compactMap(\.source).first.map { type(of: mapped($0)).dtype } ?? .f32
  }
}
