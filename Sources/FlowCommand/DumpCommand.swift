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
  var function: String?
  @Option(help: "trace, optimized, tiles or c.") var stage: Stage = .optimized
  @Option(help: "Print the text after this pass.") var after: String?
  @Flag(help: "State FLOPs and bytes per operation.") var cost = false
  @Flag(help: "Print a Graphviz graph.") var dot = false
  @Flag(help: "State on standard error how long each pass and stage of lowering takes.")
  var times = false
  @Option(
    help: ArgumentHelp(
      "Run the function on the first 64 rows of this table, in float64 and compiled, and state the range of "
        + "each value and the first NaN, infinity and loss of digits.", valueName: "rows"))
  var values: String?
  @Option(help: "The context of each row of --values, or one for all.") var context: String?
  @Option(help: "The float type.") var dtype: Precision = .f32

  /// The function's name; that of a model if none is given.
  private var name: String { function ?? "log_prob" }

  func validate() throws {
    if let after, Pipeline.pass(named: after) == nil {
      let names = Pipeline.all.map(\.name).joined(separator: ", ")
      throw ValidationError("unknown pass '\(after)'; the passes are \(names)")
    }
    if values == nil, context != nil { throw ValidationError("--context goes with --values") }
    if values != nil, dot || cost || stage == .tiles || stage == .c {
      throw ValidationError(
        "--values annotates the text of --stage trace or optimized; leave out --dot and --cost")
    }
  }

  func run() throws {
    var result = try source()
    if stage != .trace || after != nil {
      var found: Function?
      let passes = model.hasSuffix(".flowir") ? Pipeline.cleanup : Pipeline.standard
      let isDifferentiated = FlowFunction(named: name)?.isDifferentiated ?? false
      let clock = ContinuousClock()
      var start = clock.now
      result = try Pipeline.run(isDifferentiated ? Pipeline.cleanup : passes, on: result) {
        state("pass \($0.name)", clock.now - start)
        start = clock.now
        if $0.name == after, found == nil { found = $1 }
      }
      if after != nil, let found { result = found }
    }
    if let values {
      try Console.print(try observed(result, values), terminator: "")
    } else if dot {
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

  /// The function's text with what its values are on some rows.
  private func observed(_ function: Function, _ path: String) throws -> String {
    guard !model.hasSuffix(".flowir") else {
      throw ValidationError("--values takes a model; a .flowir file has no parameters")
    }
    let most = 64
    let model = try Model.read(model)
    let names = function.arguments.filter { $0.kind == .input }.map(\.name)
    let x = names.first { $0 == "x" || $0 == "z" }
    guard let x, Set(names).isSubset(of: [x, "context"]) else {
      throw ValidationError(
        "--values runs functions of rows, such as log_prob, transform and inverse; '\(name)' takes "
          + names.joined(separator: ", "))
    }
    let table = try TableSample<Double>(
      path, columns: model.features, "features", options: TableOptions(), most: most,
      trained: x == "x" ? model.columns.x : [], isSpaced: false)
    var inputs = [x: table.values]
    if let given = try contextPath(context, columns: model.context, place: self.model) {
      let rows = try TableSample<Double>(
        given, columns: model.context, "context features", options: TableOptions(), most: most,
        trained: model.columns.context, isSpaced: false)
      guard rows.total == table.total || rows.total == 1 else {
        throw FileError.mismatch(
          path: given, found: "\(rows.total) rows",
          expected: "\(table.total) rows, as in \(path), or 1")
      }
      inputs["context"] =
        rows.total == 1 ? (0..<table.count).flatMap { _ in rows.row(0) } : rows.values
    }
    let values = try ObservedValues(function, of: model, inputs: inputs, rows: table.count)
    return ValuesText(values, rows: table.count, path: path).text
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
