import FlowIR

/// A stage of lowering that has run, and how long it took.
public struct LoweringStage: Sendable {
  /// The stage's name.
  public let name: String
  /// How long it took.
  public let duration: Duration
}

extension TileProgram {
  /// Lowers a function whose passes have run.
  ///
  /// Lowering is the list of stages below; each makes one value of the values before it and changes
  /// none. `observe` is told each stage when it has run. Debug builds verify what came out.
  ///
  /// A row of the input named `groups` serves as many consecutive rows as a call states: a context for
  /// which many rows are computed need not be repeated. Results have the bits that they would have if it
  /// were. A uniform input of that name is left as it is.
  ///
  /// - Throws: `CodegenError` for an operation on row values that has no lowering, and in debug
  ///   builds for a program that breaks an invariant.
  public init(
    lowering function: Function, groups: String? = nil, observe: (LoweringStage) -> Void = { _ in }
  ) throws(CodegenError) {
    let clock = ContinuousClock()
    func stage<Made>(
      _ name: String, _ make: () throws(CodegenError) -> Made
    ) throws(CodegenError) -> Made {
      let start = clock.now
      let made = try make()
      observe(LoweringStage(name: name, duration: clock.now - start))
      return made
    }
    let groupedInput = function.arguments.firstIndex {
      $0.name == groups && $0.kind == .input && function.type(of: $0.value).hasRows
    }
    let views = try stage("views") { Views(function) }
    let schedule = try stage("schedule") { Schedule(function) }
    let rows = try stage("row-loops") { () throws(CodegenError) in
      try RowLoops(views, schedule, groupedInput: groupedInput)
    }
    let packings = try stage("packing") { rows.packs.map { Packing($0, views, schedule) } }
    let demand = try stage("uniform-demand") {
      UniformDemand(views, rows: rows.phases, packings: packings, asked: rows.uniforms)
    }
    let gradients = try stage("gradient-order") {
      GradientOrders(views, needed: demand.needed)
    }
    let order = try stage("uniform-order") { UniformOrder(views, schedule, demand, gradients) }
    let storage = try stage("storage") {
      Storage(views, order, packings: packings, inverseTables: rows.inverses)
    }
    let loops = try stage("uniform-loops") { UniformLoops(views, order, demand) }
    let prepare = try stage("prepare-sharing") {
      WorkSharing.preparing(function, loops, packings, storage, rows.inverseSearches)
    }
    let call = try stage("call-sharing") {
      WorkSharing.calling(function, loops, packings, storage, rows.phases, gradients)
    }
    self.init(
      function: function, groupedInput: groupedInput, views: views, phases: rows.phases,
      packings: packings, inverses: rows.inverseSearches, storage: storage,
      prepare: prepare, call: call)
    #if DEBUG
      if let fault = faults().first {
        throw .invalidProgram(function: function.name, fault: fault.description)
      }
    #endif
  }
}
