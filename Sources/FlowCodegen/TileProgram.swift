import FlowIR

/// A function lowered to loops over tiles of rows, with uniform work before, between and after.
///
/// The program is made for one float type; it does not depend on the machine or on the number of
/// threads.
public final class TileProgram {
  /// The function that was lowered.
  public let function: Function
  let context: LoweringContext
  let levels: Levels
  let phases: [RowPhase]

  /// Lowers a function whose passes have run.
  ///
  /// - Throws: `CodegenError` for an operation on row values that has no lowering.
  public init(lowering function: Function) throws(CodegenError) {
    self.function = function
    let context = LoweringContext(function: function)
    let levels = Levels(function)
    var phases: [RowPhase] = []
    let roots = function.operations.filter(\.sumsRows)
    func sumPhases(_ operation: Operation) -> [Int] {
      operation.results.filter { !function.type(of: $0).hasRows }.map { levels[$0] - 2 }
    }
    let rowResults = function.results.indices.filter {
      function.type(of: function.results[$0].value).hasRows
    }
    let last =
      (roots.flatMap(sumPhases) + rowResults.map { levels[function.results[$0].value] })
      .max()
    for phase in 0..<((last ?? -1) + 1) {
      let sums = roots.filter { sumPhases($0).contains(phase) }
      let results = rowResults.filter { levels[function.results[$0].value] == phase }
      phases.append(
        try RowPhase(context: context, sums: sums, results: results))
    }
    self.context = context
    self.levels = levels
    self.phases = phases
  }
}

/// One loop over all rows.
final class RowPhase {
  let nodes: [Node]
  let reductions: [RowReduction]
  let scratchElements: Int

  init(context: LoweringContext, sums: [Operation], results: [Int]) throws(CodegenError) {
    let function = context.function
    let outputs = results.map { function.results[$0].value }
    let needed = Self.slice(function, from: sums.flatMap(\.inputs) + outputs)
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
      lowering.add(.store(buffer, result: index), Scope(function.results[index].name))
    }
    nodes = lowering.nodes
    reductions = lowering.reductions
    scratchElements = ScratchPlan(nodes: nodes).elements
  }

  /// Whether a tile of few rows may leave all but its first vector alone: what sums over rows, or
  /// loops until all rows are done, looks at whole tiles.
  var canBeNarrow: Bool {
    nodes.flatMap(\.all).allSatisfy { node in
      switch node.kind {
      case .load, .copy, .linear, .group, .random, .steps, .store: true
      case .weightGradient, .rowSum, .solve, .loop, .root, .quadrature: false
      }
    }
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
