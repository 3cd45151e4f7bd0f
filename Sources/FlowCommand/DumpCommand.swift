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
      + "\n\nEXAMPLE: flowir dump model.safetensors --function log_prob --stage optimized")

  @Argument(help: "A model file, or a .flowir file.") var model: String
  @Option(
    help: ArgumentHelp(
      FlowFunction.allCases.map(\.name).joined(separator: ", ") + "; or a name in the file."))
  var function = "log_prob"
  @Option(help: "trace, optimized, tiles or c.") var stage: Stage = .optimized
  @Option(help: "Print the text after this pass.") var after: String?
  @Flag(help: "State FLOPs and bytes per operation.") var cost = false
  @Flag(help: "Print a Graphviz graph.") var dot = false
  @Flag(help: "State on standard error how long each pass and stage of lowering takes.")
  var times = false
  @Option(help: "The float type.") var dtype: Precision = .f32

  func validate() throws {
    if let after, Pipeline.pass(named: after) == nil {
      let names = Pipeline.all.map(\.name).joined(separator: ", ")
      throw ValidationError("unknown pass '\(after)'; the passes are \(names)")
    }
  }

  func run() throws {
    var result = try source()
    if stage != .trace || after != nil {
      var found: Function?
      let passes = model.hasSuffix(".flowir") ? Pipeline.cleanup : Pipeline.standard
      let isDifferentiated = FlowFunction(named: function)?.isDifferentiated ?? false
      let clock = ContinuousClock()
      var start = clock.now
      result = try Pipeline.run(isDifferentiated ? Pipeline.cleanup : passes, on: result) {
        state("pass \($0.name)", clock.now - start)
        start = clock.now
        if $0.name == after, found == nil { found = $1 }
      }
      if after != nil, let found { result = found }
    }
    if dot {
      try Console.print(GraphText(result).text)
    } else if cost {
      try Console.print(CostText(result).text)
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
      guard let found = module.function(named: function) ?? module.functions.first else {
        throw FileError.malformed(path: model, offset: 0, reason: "the file has no function")
      }
      return found
    }
    return try tracedFunction(function, of: Model.read(model), dtype: dtype.dtype)
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
