import FlowIR

/// A packed copy of a layer's weights and bias, made when parameters are loaded or change.
struct Pack: Hashable {
  let weight: Value
  let bias: Value?
  let mask: Mask?
  let layout: PanelLayout
}

/// What the row phases of one function share while they are being lowered.
final class LoweringContext {
  let function: Function
  let views: Views
  /// The argument with a row for each group of rows.
  let groupedInput: Int?
  private var bufferCount = 0
  /// The buffers that do not keep the value that is first stored in them.
  private(set) var changing: Set<Buffer> = []
  private(set) var packs: [Pack] = []
  /// Uniform values that row code reads, in order of first use.
  private(set) var uniformDemand: [Value] = []
  private var demanded: Set<Value> = []
  /// The tables of inverses.
  private(set) var inverses: [InverseTable] = []
  /// The groups of fused operations, in the order in which they were started.
  private(set) var groups: [GroupBuilder] = []
  /// The shapes of groups that take no more operations.
  let ends: Set<Int>
  let schedule: Schedule

  init(_ views: Views, _ schedule: Schedule, groupedInput: Int?, ends: Set<Int> = []) {
    function = views.function
    self.views = views
    self.schedule = schedule
    self.groupedInput = groupedInput
    self.ends = ends
  }

  func makeGroup(extent: Int) -> GroupBuilder {
    groups.append(GroupBuilder(extent: extent))
    return groups[groups.count - 1]
  }

  func type(of value: Value) -> TensorType { function.type(of: value) }

  func makeBuffer(_ elements: Int, _ name: String) -> Buffer {
    defer { bufferCount += 1 }
    return Buffer(id: bufferCount, elements: elements, name: name)
  }

  /// A buffer that starts with a value and changes after it: whoever needs the value must not read it here.
  func makeChangingBuffer(_ elements: Int, _ name: String) -> Buffer {
    let buffer = makeBuffer(elements, name)
    changing.insert(buffer)
    return buffer
  }

  func demand(_ value: Value) {
    if demanded.insert(value).inserted { uniformDemand.append(value) }
  }

  /// Whether a uniform value depends on parameters alone.
  func isPrepared(_ value: Value) -> Bool { schedule.level(of: value) == 0 }

  /// A new table of inverses, for targets in a range; nil if it would be too large.
  func addInverse(elements: Int, range: ClosedRange<Double>?) -> InverseTable? {
    let table = InverseTable(number: inverses.count, elements: elements, range: range)
    if let table { inverses.append(table) }
    return table
  }

  func pack(_ pack: Pack) -> Int {
    demand(pack.weight)
    if let bias = pack.bias { demand(bias) }
    if let index = packs.firstIndex(of: pack) { return index }
    packs.append(pack)
    return packs.count - 1
  }
}

/// The loops that a fused operation runs over.
struct IterationSpace {
  /// The extents of all loops.
  let shape: [Int]
  /// For each operand, the loops that its axes follow.
  let operandLoops: [[Int]]
  /// The loops that the result's axes follow.
  let resultLoops: [Int]
  /// The loop that is reduced or scanned, if any.
  let axis: Int?
  /// Whether all loops are inside; otherwise the first is the group's loop.
  let isWhole: Bool

  /// The extent of the group's loop.
  var extent: Int { isWhole ? 1 : shape[0] }
  /// The extents of the loops inside.
  var inner: [Int] { isWhole ? shape : Array(shape.dropFirst()) }

  init(_ operation: TensorOperation, _ function: Function) {
    let operand = function.type(of: operation.operands[0]).shape
    let all = Array(operand.indices)
    switch operation.opcode {
    case .reduce(_, let axis):
      shape = operand
      operandLoops = [all]
      resultLoops = all.filter { $0 != axis }
      self.axis = axis
      isWhole = operand[0] == 1
    case .cumulativeSum(let axis, _):
      shape = operand
      operandLoops = [all]
      resultLoops = all
      self.axis = axis
      isWhole = operand[0] == 1 || axis == 0
    case .search, .take:
      shape = operand
      operandLoops = [all, Array(all.dropLast())]
      resultLoops = Array(all.dropLast())
      axis = operand.count - 1
      isWhole = operand[0] == 1 || operand.count == 1
    case .unary, .binary, .compare, .select, .convert, .constant, .reshape, .broadcast, .transpose,
      .slice, .gather, .pad, .concatenate, .scatterAdd, .linear, .linearWeightGradient, .matmul,
      .matrixExponential, .cholesky, .triangularSolve, .rowSum, .rowCount, .random,
      .autoregressiveInverse, .odeSolve, .odeAdjoint, .monotoneRoot, .quadrature:
      let loops = function.type(of: operation.result).shape
      shape = loops
      operandLoops = operation.operands.map { _ in Array(loops.indices) }
      resultLoops = Array(loops.indices)
      axis = nil
      isWhole = loops.first ?? 1 == 1
    }
  }
}
