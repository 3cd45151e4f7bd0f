import ArgumentParser
import FlowCodegen
import FlowFiles
import FlowIR
import FlowPasses
import FlowRuntime
import Flows
import Foundation

/// `flowir dump`.
struct Dump: ParsableCommand {
  enum Stage: String, ExpressibleByArgument, CaseIterable {
    case trace
    case optimized
    case tiles
    case c
  }

  static let configuration = CommandConfiguration(
    abstract: "Print the intermediate representation of a function at a stage.",
    discussion: FunctionList.text(FlowFunction.allCases)
      + """


      EXAMPLE: flowir dump model.safetensors --function log_prob --stage optimized
      EXAMPLE: flowir dump model.safetensors --html report.html --profile
      """)

  @Argument(help: "A model file, or a .flowir file.") var model: String
  @Option(
    help: ArgumentHelp(
      FlowFunction.allCases.map(\.name).joined(separator: ", ")
        + "; or a name in the file. With --html some, separated by commas; log_prob,sample if left out."
    ))
  var function: String?
  @Option(help: "trace, optimized, tiles or c.") var stage: Stage = .optimized
  @Option(help: "Print the text after this pass.") var after: String?
  @Flag(help: "State FLOPs and bytes per operation, and what a gradient keeps.") var cost = false
  @Flag(help: "Print a Graphviz graph of the stage, its nodes grouped by layer.") var dot = false
  @Flag(help: "State on standard error how long each pass and stage of lowering takes.")
  var times = false
  @Option(
    help: ArgumentHelp(
      "Run the function on the first 64 rows of this table, in float64 and compiled, and state the range of "
        + "each value and the first NaN, infinity and loss of digits.", valueName: "rows"))
  var values: String?
  @Option(help: "The context of each row of --values, or one for all.") var context: String?
  @Option(help: "The float type.") var dtype: Precision = .f32
  @Option(
    help: ArgumentHelp(
      "Write a page for a browser: the layers, what each pass made of them, the tile program, the C, "
        + "pictures of masks, steps and memory, and costs.", valueName: "file"))
  var html: String?
  @Flag(help: "With --html: time each group of the tile program beside its bound.")
  var profile = false

  /// The function's name; that of a model if none is given.
  private var name: String { function ?? "log_prob" }

  func validate() throws {
    if let after, Pipeline.pass(named: after) == nil {
      let names = Pipeline.all.map(\.name).joined(separator: ", ")
      throw ValidationError("unknown pass '\(after)'; the passes are \(names)")
    }
    try validateReport()
    if dot, stage == .c {
      throw ValidationError("--dot draws --stage trace, optimized or tiles")
    }
    if values == nil, context != nil { throw ValidationError("--context goes with --values") }
    if values != nil, dot || cost || stage == .tiles || stage == .c {
      throw ValidationError(
        "--values annotates the text of --stage trace or optimized; leave out --dot and --cost")
    }
  }

  func run() throws {
    if let html { return try writeReport(html) }
    var result = try source()
    var plan: RecomputePlan?
    if stage != .trace || after != nil {
      var found: Function?
      let passes = model.hasSuffix(".flowir") ? Pipeline.cleanup : Pipeline.forward
      let isDifferentiated = FlowFunction(named: name)?.isDifferentiated ?? false
      let clock = ContinuousClock()
      var start = clock.now
      var before = result
      result = try Pipeline.run(isDifferentiated ? Pipeline.cleanup : passes, on: result) {
        state("pass \($0.name)", clock.now - start)
        start = clock.now
        if cost, $0.name == recompute.name { plan = RecomputePlan(before) }
        before = $1
        if $0.name == after, found == nil { found = $1 }
      }
      if after != nil, let found { result = found }
    }
    if let values {
      try Console.print(observed(result, values, of: readModel()).text, terminator: "")
    } else if dot {
      try Console.print(stage == .tiles ? GraphText(lowered(result)).text : GraphText(result).text)
    } else if cost {
      try Console.print(CostText(result).text)
      if let plan, !plan.decisions.isEmpty { try Console.print("\n" + plan.text) }
    } else {
      switch stage {
      case .trace, .optimized: try Console.print(result.text, terminator: "")
      case .tiles:
        try Console.print(try lowered(result).text, terminator: "")
      case .c:
        let program = try lowered(result)
        try Console.print(
          CompiledFunction.source(CFile(program, name: "flow"), dtype: program.dtype),
          terminator: "")
      }
    }
  }

  private func lowered(_ function: Function) throws -> TileProgram {
    try TileProgram(lowering: function) { state("stage \($0.name)", $0.duration) }
  }

  private func state(_ part: String, _ duration: Duration) {
    if times { Console.note("\(part): \((duration / .microseconds(1)).rounded() / 1000) ms") }
  }

  private func source() throws -> Function {
    if model.hasSuffix(".flowir") {
      let module = try readModule(model)
      guard let function else {
        guard let first = module.function(named: name) ?? module.functions.first else {
          throw FileError.malformed(path: model, offset: 0, reason: "the file has no function")
        }
        return first
      }
      guard let found = module.function(named: function) else {
        let known = module.functions.map(\.name).joined(separator: ", ")
        throw FileError.malformed(
          path: model, offset: 0, reason: "no function '\(function)'; it has \(known)")
      }
      return found
    }
    return try tracedFunction(name, of: Model.read(model), dtype: dtype.dtype)
  }
}

/// A function of a model by its name, as it was traced; those with derivatives are optimized.
func tracedFunction(_ name: String, of model: Model, dtype: DType) throws -> Function {
  guard let known = FlowFunction(named: name) else {
    let names = FlowFunction.allCases.map(\.name).joined(separator: ", ")
    throw ValidationError("unknown function '\(name)'; expected one of \(names)")
  }
  return known.isDifferentiated
    ? try model.function(known, dtype: dtype).function
    : model.trace(known, dtype: dtype).function
}

/// Reads and verifies a text file of functions.
func readModule(_ path: String) throws -> Module {
  guard let data = FileManager.default.contents(atPath: path) else {
    throw FileError.system(path: path, action: "read", reason: "no such file")
  }
  do {
    let module = try Module(parsing: String(decoding: data, as: UTF8.self))
    for function in module.functions { try function.verify() }
    return module
  } catch let error as ParseError {
    throw FileError.malformed(path: path, offset: error.offset, reason: "\(error)")
  } catch let error as VerificationError {
    throw FileError.malformed(path: path, offset: 0, reason: "\(error)")
  }
}
