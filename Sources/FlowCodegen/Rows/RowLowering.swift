import FlowIR

/// Lowers the row operations of one phase, or of one region, to nodes.
final class RowLowering {
  /// Where a row value lives, unless it is a view.
  enum Place {
    /// In registers of the group at a position; in memory too once somebody asks for it.
    case group(GroupBuilder, position: Int)
    /// In memory, complete after the node at a position.
    case buffer(Buffer, ready: Int)
  }

  /// A node, or a group that may still grow.
  private enum Draft {
    case node(Node)
    case group(GroupBuilder, Scope)
  }

  let context: LoweringContext
  let parent: RowLowering?
  /// Whether elements may become final one by one, in the steps of a triangular inverse.
  let isStepwise: Bool
  /// Whether these are the operations of a function whose root is searched.
  var isSearched = false
  private var drafts: [Draft] = []
  var places: [Value: Place] = [:]
  /// Where the recorded steps of an ODE's solution lie, by the value that stands for them.
  var records: [Value: Buffer] = [:]
  private var ownReductions: [RowReduction] = []
  /// The uniform results of operations that sum over rows which this phase makes.
  var wantedSums: Set<Value> = []
  /// For a sum within a region, the result of the structured operation that it becomes.
  var sumNames: [Value: Value] = [:]
  private var viewBuffers: [Value: (buffer: Buffer, ready: Int)] = [:]
  /// The operations that read each value, by index; -1 for results.
  var users: [Value: [Int]] = [:]
  var operations: [TensorOperation] = []
  var fused: Set<Int> = []
  /// The results of operations that stand for the second time.
  var repeated: Set<Value> = []
  /// The inputs of weight gradients that are zero but in chosen rows.
  var chosenRows: [Value: ChosenRows] = [:]
  /// The pointwise operations that are lowered once something asks for their results, by index.
  var waiting: [Value: Int] = [:]
  /// The values that results of these operations are made of.
  var waitingOrigins: [Value: Value] = [:]

  /// The sums over rows of the whole phase.
  var reductions: [RowReduction] {
    get { parent?.reductions ?? ownReductions }
    set {
      if let parent { parent.reductions = newValue } else { ownReductions = newValue }
    }
  }

  init(context: LoweringContext, parent: RowLowering? = nil, isStepwise: Bool = false) {
    self.context = context
    self.parent = parent
    self.isStepwise = isStepwise
  }

  /// Lowers operations in order; `outputs` are the values read from outside afterwards.
  func lower(_ operations: [TensorOperation], outputs: [Value]) throws(CodegenError) {
    self.operations = operations
    for (index, operation) in operations.enumerated() {
      for value in operation.inputs { users[value, default: []].append(index) }
    }
    for value in outputs { users[value, default: []].append(-1) }
    findChosenRows()
    findRepeated()
    for (index, operation) in operations.enumerated() where !fused.contains(index) {
      if waits(operation) {
        waiting[operation.result] = index
      } else {
        try lower(operation, index: index)
      }
    }
  }

  private func lower(_ operation: TensorOperation, index: Int) throws(CodegenError) {
    if operation.opcode.isView { return }
    switch operation.opcode {
    case .linear(let mask):
      lowerLinear(operation, mask: mask, index: index)
    case .linearWeightGradient(let mask):
      lowerWeightGradient(operation, mask: mask)
    case .triangularSolve(let upper, let unit):
      lowerSolve(operation, upper: upper, unit: unit)
    case .rowSum:
      let (buffer, _) = buffer(of: operation.operands[0])
      add(RowSumNode(source: buffer, reduction: reductions.count), operation.scope)
      reductions.append(
        RowReduction(
          kind: .rowSum, value: sumNames[operation.result] ?? operation.result,
          elements: buffer.elements))
    case .random(let distribution, let type, let stream):
      let buffer = context.makeBuffer(type.elementCount, "random")
      context.demand(operation.operands[0])
      add(
        RandomNode(
          distribution: distribution, stream: stream, seed: operation.operands[0], target: buffer),
        operation.scope)
      places[operation.result] = .buffer(buffer, ready: count - 1)
    case .autoregressiveInverse(let passes):
      try lowerInverse(operation, passes: passes)
    case .odeSolve(let control, let isRecorded):
      try lowerSolve(operation, control, isRecorded: isRecorded)
    case .odeAdjoint:
      try lowerAdjoint(operation)
    case .monotoneRoot(let lower, let upper):
      try lowerRoot(operation, lower: lower, upper: upper)
    case .quadrature(let nodes):
      try lowerQuadrature(operation, nodes: nodes)
    case .scatterAdd(let axis, let indices, let size):
      try lowerScatter(operation, axis: axis, indices: indices, size: size)
    case .unary, .binary, .compare, .select, .convert, .reduce, .cumulativeSum, .search, .take:
      lowerFused(operation, from: repeated.contains(operation.result) ? afterLastNode : 0)
    case .constant, .reshape, .broadcast, .transpose, .slice, .concatenate, .pad, .gather,
      .matmul, .matrixExponential, .cholesky, .rowCount:
      throw .unsupported(operation: operation.opcode.name, scope: operation.scope.path)
    }
  }

  /// How many nodes there are so far.
  var count: Int { drafts.count }

  func add(_ body: any NodeBody, _ scope: Scope) {
    drafts.append(.node(Node(body, scope: scope)))
  }

  /// Starts a group that operations may join.
  func addGroup(extent: Int, _ scope: Scope) {
    drafts.append(.group(context.makeGroup(extent: extent), scope))
  }

  /// The first position behind all nodes that are no groups.
  private var afterLastNode: Int {
    let last = drafts.lastIndex { if case .node = $0 { true } else { false } }
    return last.map { $0 + 1 } ?? 0
  }

  /// The group at a position, if there is one.
  func group(at position: Int) -> GroupBuilder? {
    switch drafts[position] {
    case .node: nil
    case .group(let group, _): group
    }
  }

  /// The nodes, once nothing more will be asked of the groups.
  func finished() -> [Node] {
    drafts.map { draft in
      switch draft {
      case .node(let node): node
      case .group(let group, let scope): Node(GroupNode(group, context.views), scope: scope)
      }
    }
  }

  /// Where a value lives, in this lowering or an enclosing one; nil for a value without rows.
  func place(of value: Value) -> Place? {
    if waiting[value] != nil { lowerWaiting(for: [value]) }
    if let place = places[value] { return place }
    if let parent {
      let (buffer, _) = parent.storage(of: value)
      return .buffer(buffer, ready: -1)
    }
    return nil
  }

  /// A buffer that holds exactly the elements of a row value, which must not be a view, and the position
  /// after which it is complete.
  func storage(of value: Value) -> (buffer: Buffer, ready: Int) {
    switch place(of: value) {
    case .buffer(let buffer, let ready):
      return (buffer, ready)
    case .group(let group, let position):
      if let store = group.stores.first(where: {
        $0.value == value && $0.map == Array($0.map.indices) && $0.buffer.elements == $0.map.count
          && !context.changing.contains($0.buffer)
      }) {
        return (store.buffer, position)
      }
      let elements = context.type(of: value).elementCount
      let buffer = context.makeBuffer(elements, "v\(value.id)")
      group.stores.append(
        GroupNode.Store(value: value, buffer: buffer, map: Array(0..<elements)))
      return (buffer, position)
    case nil:
      guard
        let index = context.function.arguments.firstIndex(where: { $0.value == value })
      else { preconditionFailure("value \(value.id) is used before it is lowered") }
      let name = context.function.arguments[index].name
      let buffer = context.makeBuffer(context.type(of: value).elementCount, name)
      let isGrouped = index == context.groupedInput
      add(LoadNode(argument: index, isGrouped: isGrouped, target: buffer), Scope(name))
      places[value] = .buffer(buffer, ready: count - 1)
      return (buffer, count - 1)
    }
  }

  /// A buffer with the elements of any row value, views included, in row-major order.
  func buffer(of value: Value) -> (buffer: Buffer, ready: Int) {
    if let source = context.views.whole(value), context.type(of: source).hasRows {
      return storage(of: source)
    }
    let refs = context.views.elements(of: value)
    if let known = viewBuffers[value] { return known }
    let buffer = context.makeBuffer(refs.count, "view\(value.id)")
    let ready = materialize(refs, into: buffer)
    viewBuffers[value] = (buffer, ready)
    return (buffer, ready)
  }

  /// Fills a buffer with elements from anywhere; values of groups are stored there directly, unless a group shares
  /// its code with others, which store elsewhere.
  func materialize(_ refs: [ElementRef], into target: Buffer) -> Int {
    var ready = -1
    var runs: [CopyNode.Run] = []
    var stored: Set<Value> = []
    for (position, ref) in refs.enumerated() {
      guard let source = ref.source else {
        append(
          CopyNode.Run(source: .constant(ref.constant), target: position, count: 1), to: &runs)
        continue
      }
      guard context.type(of: source).hasRows else {
        context.demand(source)
        append(
          CopyNode.Run(source: .uniform(source, ref.index), target: position, count: 1),
          to: &runs)
        continue
      }
      if case .group(let group, let at) = place(of: source),
        isStepwise || !context.ends.contains(group.shape)
      {
        if stored.insert(source).inserted {
          storeDirectly(source, of: group, refs: refs, into: target)
        }
        ready = max(ready, at)
        continue
      }
      let (buffer, at) = storage(of: source)
      ready = max(ready, at)
      let run = CopyNode.Run(source: .buffer(buffer, ref.index), target: position, count: 1)
      // Elements of a region's own values become final one by one, so each is copied on its own.
      if isStepwise, places[source] != nil { runs.append(run) } else { append(run, to: &runs) }
    }
    if !runs.isEmpty {
      add(CopyNode(runs: runs, target: target), Scope())
      ready = count - 1
    }
    return ready
  }

  private func storeDirectly(
    _ source: Value, of group: GroupBuilder, refs: [ElementRef], into target: Buffer
  ) {
    var maps: [[Int]] = []
    let count = context.type(of: source).elementCount
    for (position, ref) in refs.enumerated() where ref.source == source {
      var index = maps.firstIndex { $0[ref.index] < 0 }
      if index == nil {
        maps.append(Array(repeating: -1, count: count))
        index = maps.count - 1
      }
      if let index { maps[index][ref.index] = position }
    }
    for map in maps {
      group.stores.append(GroupNode.Store(value: source, buffer: target, map: map))
    }
  }

  private func append(_ run: CopyNode.Run, to runs: inout [CopyNode.Run]) {
    guard let last = runs.last, last.target + last.count == run.target,
      last.source.advanced(by: last.count) == run.source
    else {
      runs.append(run)
      return
    }
    runs[runs.count - 1].count += 1
  }
}
