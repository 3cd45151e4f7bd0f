import FlowIR

/// Computes only those outputs of a layer that something reads.
///
///     %y = linear %x, %w, %b : rows x 6 x f32      %v = gather %w axis 0 indices [1, 4] : 2 x 4 x f32
///     %r = reshape %y : rows x 2 x 3 x f32     →   %c = gather %b axis 0 indices [1, 4] : 2 x f32
///     %s = slice %r axis 1 from 1 to 2             %n = linear %x, %v, %c : rows x 2 x f32
///                                                  … the place of the others is filled with zeros
///
/// The outputs that are read must lie in equal runs at equal distances, so that a pad puts them back.
///
/// Inputs that are the same for all rows, being outputs of a layer that see nothing of its input, are
/// multiplied once, into the bias:
///
///     %s = linear %x, %v, %c mask "0 0,1" : rows x 2 x f32     %c0 = gather %c axis 0 indices [0]
///     %y = linear %s, %w, %b                               →   %w0 = gather %w axis 1 indices [0]
///                                                              %b1 = linear %c0, %w0, %b
///                                                              %y = linear %s, %w, %b1 mask "1,2 …"
public let narrowLayers = Pass(
  name: "narrow-layers",
  summary: "computes only the outputs of a layer that are read, from inputs that rows change"
) { function, budget throws(TypeError) in
  let narrow = try narrowOutputs(function, budget)
  return try narrowInputs(narrow, budget)
}

private func narrowOutputs(
  _ function: Function, _ budget: RewriteBudget
) throws(TypeError) -> Function {
  let demand = OutputDemand(function)
  return try Rewriter(function, budget: budget).run { operation, rewriter throws(TypeError) in
    guard case .linear(let mask) = operation.opcode,
      let runs = demand.runs(of: operation.result)
    else { return nil }
    let wanted = runs.indices
    let (weight, bias) = (operation.operands[1], operation.operands.dropFirst(2).first)
    var operands = [
      operation.operands[0], try rewriter.emit(.gather(axis: 0, indices: wanted), weight),
    ]
    if let bias { operands.append(try rewriter.emit(.gather(axis: 0, indices: wanted), bias)) }
    let part = mask.map { $0.reordered(rows: wanted, columns: Array(0..<$0.columns)) }
    let narrow = try rewriter.emit(
      TensorOperation(opcode: .linear(part), operands: operands, results: []))[0]
    let rows = try rewriter.emit(.reshape([runs.count, runs.length]), narrow)
    let padded = try rewriter.emit(
      .pad(
        axis: 1, low: runs.start, high: runs.distance - runs.start - runs.length, value: 0), rows)
    return [try rewriter.emit(.reshape([runs.count * runs.distance]), padded)]
  }
}

/// Equal runs of elements at equal distances.
private struct Runs {
  let start: Int
  let length: Int
  let distance: Int
  let count: Int

  /// The runs that the set entries of a list form; nil if they are all of them, or not such runs.
  init?(_ isRead: [Bool]) {
    guard isRead.contains(false), let first = isRead.firstIndex(of: true) else { return nil }
    let end = isRead[first...].firstIndex(of: false) ?? isRead.count
    let next = isRead[end...].firstIndex(of: true) ?? first + isRead.count
    (start, length, distance) = (first, end - first, next - first)
    guard isRead.count % distance == 0, end <= distance else { return nil }
    count = isRead.count / distance
    for (index, entry) in isRead.enumerated()
    where entry != (first..<end).contains(index % distance) {
      return nil
    }
  }

  var indices: [Int] {
    (0..<count).flatMap { Array($0 * distance + start..<$0 * distance + start + length) }
  }
}

/// Which outputs of the layers on row vectors are read.
private struct OutputDemand {
  /// The outputs that are read of each layer of which not all are known to be.
  private var isRead: [Value: [Bool]] = [:]

  init(_ function: Function) {
    let operations = function.operations.withRegions
    for operation in operations {
      guard case .linear = operation.opcode, function.type(of: operation.result).hasRows,
        function.type(of: operation.operands[0]).rank == 1
      else { continue }
      let outputs = function.type(of: operation.result).elementCount
      isRead[operation.result] = Array(repeating: false, count: outputs)
    }
    if isRead.isEmpty { return }
    let views = Views(function)
    func read(_ value: Value) {
      guard function.type(of: value).hasRows else { return }
      guard views.definition(of: value)?.opcode.isView ?? false else {
        isRead[value] = nil
        return
      }
      for ref in views.elements(of: value) {
        if let source = ref.source { isRead[source]?[ref.index] = true }
      }
    }
    for operation in operations where !operation.opcode.isView {
      for operand in operation.operands { read(operand) }
      for region in operation.regions { for result in region.results { read(result) } }
    }
    for result in function.results { read(result.value) }
  }

  func runs(of layer: Value) -> Runs? { isRead[layer].flatMap(Runs.init) }
}
