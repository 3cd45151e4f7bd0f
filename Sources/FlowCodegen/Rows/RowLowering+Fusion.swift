import FlowIR

extension RowLowering {
  /// Puts a pointwise, reducing or searching operation into the first group where all that it
  /// reads is at hand, or into a new one.
  ///
  ///     %e = exp %x : rows x 2 x 3 x f32
  ///     %s = reduce_sum %e axis 1 : rows x 2 x f32
  ///     %r = reshape %s : rows x 2 x 1 x f32        →   group of 2: exp reduce_sum divide
  ///     %b = broadcast %r : rows x 2 x 3 x f32
  ///     %y = divide %e, %b : rows x 2 x 3 x f32
  ///
  /// A group is a loop over the leading dimension; what passes between its operations stays in
  /// registers. Views are read through and cost nothing.
  ///
  /// The group is none before `floor`, and none that ends where it is the same as others (`SharedGroups`).
  func lowerFused(_ operation: TensorOperation, from floor: Int = 0) {
    let space = IterationSpace(operation, context.function)
    var earliest = floor
    let operands = Array(zip(operation.operands, space.operandLoops))
    let sources = operands.map { Set(context.views.elements(of: $0.0).compactMap(\.source)) }
    let waits = sources.map { $0.contains { waiting[$0] != nil } }
    for (index, (operand, loops)) in operands.enumerated() where !waits[index] {
      earliest = max(earliest, require(operand, loops: loops, space: space))
    }
    for (index, (operand, loops)) in operands.enumerated() where waits[index] {
      lowerWaiting(for: sources[index].sorted(), from: earliest)
      earliest = max(earliest, require(operand, loops: loops, space: space))
    }
    let position = joinable(operation, space: space, from: earliest) ?? count
    if position == count { addGroup(extent: space.extent, operation.scope) }
    guard let group = group(at: position) else {
      preconditionFailure("node \(position) is not a group")
    }
    for (operand, loops) in zip(operation.operands, space.operandLoops) {
      store(operand, loops: loops, space: space, readBy: group)
    }
    group.append(operation, context.views)
    if case .reduce(let reduction, axis: 0) = operation.opcode, !space.isWhole {
      let elements = context.type(of: operation.result).elementCount
      let buffer = context.makeBuffer(elements, "v\(operation.result.id)")
      group.sums[operation.result] = GroupNode.Sum(
        value: operation.result, buffer: buffer, reduction: reduction,
        identity: reduction.identity(context.type(of: operation.result).dtype))
      places[operation.result] = .buffer(buffer, ready: position)
    } else {
      for result in operation.results { places[result] = .group(group, position: position) }
    }
  }

  /// Makes sure that what an operand needs exists; gives the first position that may read it.
  private func require(_ operand: Value, loops: [Int], space: IterationSpace) -> Int {
    let refs = context.views.elements(of: operand)
    var earliest = 0
    for source in Set(refs.compactMap(\.source)).sorted() {
      guard context.type(of: source).hasRows else {
        context.demand(source)
        continue
      }
      switch place(of: source) {
      case .group(let group, let position):
        let local = isLocal(refs, of: source, loops: loops, space: space, group: group)
        earliest = max(earliest, local ? position : position + 1)
      case .buffer(_, let ready):
        earliest = max(earliest, ready + 1)
      case nil:
        earliest = max(earliest, storage(of: source).ready + 1)
      }
    }
    if !isReadable(refs, loops: loops, space: space) {
      earliest = max(earliest, buffer(of: operand).ready + 1)
    }
    return earliest
  }

  /// Whether element `i` of the group's loop reads only what element `i` of a group computed.
  func isLocal(
    _ refs: [ElementRef], of source: Value, loops: [Int], space: IterationSpace, group: GroupBuilder
  ) -> Bool {
    guard group.extent == space.extent else { return false }
    if space.extent == 1 { return true }
    guard loops.first == 0 else { return false }
    let count = context.type(of: source).elementCount / group.extent
    let inner = refs.count / space.extent
    return refs.enumerated().allSatisfy { position, ref in
      ref.source != source
        || (ref.index / count == position / inner
          && ref.index % count == refs[position % inner].index
          && refs[position % inner].source == source)
    }
  }

  /// Whether reads can be written as code: at each place in the inner loops one source, at an
  /// index affine in the group's loop.
  func isReadable(_ refs: [ElementRef], loops: [Int], space: IterationSpace) -> Bool {
    guard space.extent > 1, loops.first == 0 else { return true }
    if Set(refs.map(\.source)).count == 1, refs[0].source != nil { return true }
    let inner = refs.count / space.extent
    for j in 0..<inner {
      let first = refs[j]
      let step = refs[inner + j].index - first.index
      for d in 1..<space.extent {
        let ref = refs[d * inner + j]
        guard ref.source == first.source, ref.index == first.index + d * step,
          ref.constant.bitPattern == first.constant.bitPattern
        else { return false }
      }
    }
    return true
  }

  private func joinable(_ operation: TensorOperation, space: IterationSpace, from earliest: Int)
    -> Int?
  {
    guard earliest < count else { return nil }
    return (earliest..<count).first { position in
      guard let group = group(at: position) else { return false }
      return group.extent == space.extent && !context.ends.contains(group.shape)
    }
  }

  /// Has other nodes store what an operand reads from them, and notes where.
  private func store(
    _ operand: Value, loops: [Int], space: IterationSpace, readBy group: GroupBuilder
  ) {
    let refs = context.views.elements(of: operand)
    for source in Set(refs.compactMap(\.source)).sorted()
    where !context.type(of: source).hasRows && !group.uniforms.contains(source) {
      group.uniforms.append(source)
    }
    let perItem = loops.first == 0 && !space.isWhole ? refs.count / space.extent : refs.count
    if !isReadable(refs, loops: loops, space: space) {
      let (buffer, _) = buffer(of: operand)
      group.viewBuffers[operand] = buffer
      group.reads.append(
        (buffer, (0..<space.extent).map { Array($0 * perItem..<($0 + 1) * perItem) }))
      return
    }
    for source in Set(refs.compactMap(\.source)).sorted()
    where context.type(of: source).hasRows {
      if case .group(let owner, _) = place(of: source), owner === group { continue }
      let (buffer, _) = storage(of: source)
      group.sources[source] = buffer
      var items = [[Int]](repeating: [], count: space.extent)
      for (position, ref) in refs.enumerated() where ref.source == source {
        items[space.isWhole ? 0 : position / perItem].append(ref.index)
      }
      group.reads.append((buffer, items))
    }
  }

  /// A scatter whose indices are distinct is written as a gather with zeros where nothing is scattered;
  /// one whose indices repeat adds up.
  func lowerScatter(
    _ operation: TensorOperation, axis: Int, indices: [Int], size: Int
  ) throws(CodegenError) {
    let source = context.views.elements(of: operation.operands[0])
    let shape = context.type(of: operation.operands[0]).shape
    let inner = shape[(axis + 1)...].reduce(1, *)
    let outer = shape[..<axis].reduce(1, *)
    guard Set(indices).count == indices.count else {
      throw .unsupported(
        operation: "scatter_add with repeated indices", scope: operation.scope.path)
    }
    var refs = [ElementRef](repeating: .constant(0), count: outer * size * inner)
    for o in 0..<outer {
      for (position, index) in indices.enumerated() {
        for i in 0..<inner {
          refs[(o * size + index) * inner + i] = source[(o * shape[axis] + position) * inner + i]
        }
      }
    }
    let buffer = context.makeBuffer(refs.count, "v\(operation.result.id)")
    let ready = materialize(refs, into: buffer)
    places[operation.result] = .buffer(buffer, ready: ready)
  }
}
