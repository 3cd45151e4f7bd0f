import FlowIR

/// One loop over all rows: the nodes that every tile goes through, where their buffers lie, and the
/// sums over rows that they make.
struct RowPhase {
  let nodes: [Node]
  let reductions: [RowReduction]
  let scratch: ScratchPlan
  let slots: SlotLayout
  /// The differential equations that are solved for several tiles at once, in order.
  let groups: [ODEGroup]

  init(nodes: [Node], reductions: [RowReduction]) {
    self.init(nodes: nodes, reductions: reductions, scratch: ScratchPlan(nodes: nodes))
  }

  /// A phase with its buffers in given places, as tests of the verifier need it.
  init(nodes: [Node], reductions: [RowReduction], scratch: ScratchPlan) {
    self.nodes = nodes
    self.reductions = reductions
    self.scratch = scratch
    slots = SlotLayout(reductions)
    groups = slots.isEmpty ? ODEGroup.all(nodes, scratch) : []
  }

  /// Whether a tile of few rows may leave all but its first vector alone.
  var canBeNarrow: Bool { nodes.flatMap(\.all).allSatisfy { $0.body.canBeNarrow } }
}

/// The loops over rows of a function, and what they ask of uniform work.
struct RowLoops {
  let phases: [RowPhase]
  /// The weights to pack, by number.
  let packs: [Pack]
  /// The uniform values that row code reads, in order of first use.
  let uniforms: [Value]
  /// The tables of inverses from which searches for roots start, by number.
  let inverses: [InverseTable]

  /// Lowers a function's row values to as few loops as their uniform inputs allow; `groupedInput` is the
  /// argument with a row for each group of rows.
  ///
  /// - Throws: `CodegenError` for an operation on row values that has no lowering.
  init(_ views: Views, _ schedule: Schedule, groupedInput: Int?) throws(CodegenError) {
    let first = LoweringContext(views, schedule, groupedInput: groupedInput)
    let loops = try Self(first)
    let ends = SharedGroups.ends(first.groups, views)
    self =
      ends.isEmpty
      ? loops : try Self(LoweringContext(views, schedule, groupedInput: groupedInput, ends: ends))
  }

  private init(_ context: LoweringContext) throws(CodegenError) {
    let schedule = context.schedule
    let function = context.function
    let roots = function.operations.filter(\.sumsRows)
    func sumPhases(_ operation: TensorOperation) -> [Int] {
      operation.results.filter { !function.type(of: $0).hasRows }
        .map { schedule.phase(ofSum: $0) }
    }
    let rowResults = function.results.indices.filter {
      function.type(of: function.results[$0].value).hasRows
    }
    func phase(_ result: Int) -> Int { schedule.phase(of: function.results[result].value) }
    let last = (roots.flatMap(sumPhases) + rowResults.map(phase)).max() ?? -1
    var phases: [RowPhase] = []
    for number in 0..<(last + 1) {
      phases.append(
        try Self.lower(
          context, sums: roots.filter { sumPhases($0).contains(number) },
          results: rowResults.filter { phase($0) == number }))
    }
    self.phases = phases
    packs = context.packs
    uniforms = context.uniformDemand
    inverses = context.inverses
  }

  /// One loop that makes some sums and results.
  private static func lower(
    _ context: LoweringContext, sums: [TensorOperation], results: [Int]
  ) throws(CodegenError) -> RowPhase {
    let function = context.function
    let outputs = results.map { function.results[$0].value }
    let needed = slice(function, from: sums.flatMap(\.inputs) + outputs)
    let sumResults = Set(sums.flatMap(\.results))
    let operations = function.operations.filter { operation in
      operation.results.contains { needed.contains($0) || sumResults.contains($0) }
        && (operation.results.contains { function.type(of: $0).hasRows }
          || operation.results.contains { sumResults.contains($0) })
    }
    let lowering = RowLowering(context: context)
    lowering.wantedSums = sumResults
    try lowering.lower(operations, outputs: outputs)
    for index in results {
      let (buffer, _) = lowering.buffer(of: function.results[index].value)
      lowering.add(
        StoreNode(source: buffer, result: index), Scope(function.results[index].name))
    }
    let nodes = KeptCopies(lowering.finished().inTurns()).found()
    return RowPhase(nodes: nodes, reductions: lowering.reductions)
  }

  /// The row values that some values depend on.
  private static func slice(_ function: Function, from roots: [Value]) -> Set<Value> {
    var needed = Set(roots)
    for operation in function.operations.reversed()
    where operation.results.contains(where: {
      needed.contains($0) && function.type(of: $0).hasRows
    }) {
      needed.formUnion(operation.inputs.filter { function.type(of: $0).hasRows })
    }
    return needed
  }
}
