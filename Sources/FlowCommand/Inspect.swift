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
    discussion: """
      EXAMPLE: flowir dump model.safetensors --function log_prob --stage optimized
      """)

  @ArgumentParser.Argument(help: "A model file, or a .flowir file.") var model: String
  @Option(help: "log_prob, sample, transform, inverse, gradient or train_step.")
  var function = "log_prob"
  @Option(help: "trace, optimized, tiles or c.") var stage: Stage = .optimized
  @Option(help: "Print the text after this pass.") var after: String?
  @Flag(help: "State FLOPs and bytes per operation.") var cost = false
  @Flag(help: "Print a Graphviz graph.") var dot = false
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
      let isDifferentiated = function == "gradient" || function == "train_step"
      result = try Pipeline.run(isDifferentiated ? Pipeline.cleanup : passes, on: result) {
        if $0.name == after, found == nil { found = $1 }
      }
      if after != nil, let found { result = found }
    }
    if dot {
      print(GraphText(result).text)
    } else if cost {
      print(CostText(result).text)
    } else {
      switch stage {
      case .trace, .optimized: print(result.text, terminator: "")
      case .tiles: print(try TileProgram(lowering: result).text, terminator: "")
      case .c:
        let program = try TileProgram(lowering: result)
        print(
          CompiledFunction.source(CFile(program, name: "flow"), dtype: program.dtype),
          terminator: "")
      }
    }
  }

  private func source() throws -> Function {
    if model.hasSuffix(".flowir") {
      let module = try readModule(model)
      guard let found = module.function(named: function) ?? module.functions.first else {
        throw FileError.malformed(path: model, offset: 0, reason: "the file has no function")
      }
      return found
    }
    return try tracedFunction(function, of: Model(path: model), dtype: dtype.dtype)
  }
}

/// A function of a model by its name, as it was traced; those with derivatives are optimized.
func tracedFunction(_ name: String, of model: Model, dtype: DType) throws -> Function {
  switch name {
  case "gradient": return try model.gradientFunction(dtype: dtype)
  case "train_step": return try model.trainingStepFunction()
  default:
    guard let known = FlowFunction(rawValue: name) else {
      throw ValidationError(
        "unknown function '\(name)'; expected log_prob, sample, transform, inverse, "
          + "gradient or train_step")
    }
    return model.trace(known, dtype: dtype)
  }
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

/// `flowir opt`.
struct Opt: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run passes over textual IR and print the result.",
    discussion: "EXAMPLE: flowir opt function.flowir --pass simplify,dead-code")

  @ArgumentParser.Argument(help: "A .flowir file.") var file: String
  @Option(name: .customLong("pass"), help: "Names of passes, separated by commas.")
  var passes: String

  func run() throws {
    var list: [Pass] = []
    for name in passes.split(separator: ",") {
      guard let pass = Pipeline.pass(named: String(name)) else {
        let known = Pipeline.all.map(\.name).joined(separator: ", ")
        throw ValidationError("unknown pass '\(name)'; the passes are \(known)")
      }
      list.append(pass)
    }
    var module = try readModule(file)
    module.functions = try module.functions.map { try Pipeline.run(list, on: $0) }
    print(module.text, terminator: "")
  }
}

/// `flowir run`.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a function of textual IR in the reference interpreter, in float64.",
    discussion: """
      EXAMPLE: flowir run f.flowir --function f --input x=x.npy --output y=y.npy
      """)

  @ArgumentParser.Argument(help: "A .flowir file.") var file: String
  @Option(help: "The function's name.") var function: String
  @Option(help: "An argument and its file, NAME=PATH.") var input: [String] = []
  @Option(help: "A result and its file, NAME=PATH.") var output: [String] = []

  private func pair(_ text: String, _ option: String) throws -> (String, String) {
    let parts = text.split(separator: "=", maxSplits: 1)
    guard parts.count == 2 else { throw ValidationError("\(option) must be NAME=PATH: '\(text)'") }
    return (String(parts[0]), String(parts[1]))
  }

  func run() throws {
    let module = try readModule(file)
    guard let function = module.function(named: function) else {
      let known = module.functions.map(\.name).joined(separator: ", ")
      throw FileError.malformed(
        path: file, offset: 0, reason: "no function '\(self.function)'; it has \(known)")
    }
    var arguments: [String: [Double]] = [:]
    var rows: Int?
    for text in input {
      let (name, path) = try pair(text, "--input")
      guard let argument = function.arguments.first(where: { $0.name == name }) else {
        throw ValidationError("the function has no argument '\(name)'")
      }
      let reader = try openRows(path)
      var values: [Double] = []
      while true {
        let part = try reader.read(65536)
        if part.isEmpty { break }
        values += part
      }
      arguments[name] = values
      let type = function.type(of: argument.value)
      if type.hasRows {
        let count = values.count / max(type.elementCount, 1)
        if let rows, rows != count {
          throw FileError.mismatch(path: path, found: "\(count) rows", expected: "\(rows) rows")
        }
        rows = count
      }
    }
    let results = try Interpreter.run(function, arguments, rows: rows ?? 1)
    for text in output {
      let (name, path) = try pair(text, "--output")
      guard let result = results[name] else {
        throw ValidationError("the function has no result '\(name)'")
      }
      let columns = result.type.elementCount
      let writer = try createRows(
        path, columns: result.type.shape.isEmpty ? nil : columns, type: .f64)
      try writer.write(result.values)
      try writer.finish()
    }
  }
}

/// `flowir info`.
struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the architecture as a tree, parameter counts and functions.",
    discussion: "EXAMPLE: flowir info model.safetensors")

  @ArgumentParser.Argument(help: "The model file, or a compiled .so.") var model: String
  @Flag(help: "Print as JSON.") var json = false

  func run() throws {
    if model.hasSuffix(".so") {
      try printCompiled()
      return
    }
    let model = try Model(path: model)
    let trainable = model.parameters.filter(\.isTrainable).reduce(0) { $0 + $1.count }
    let buffers = model.parameters.filter { !$0.isTrainable }.reduce(0) { $0 + $1.count }
    if json {
      print(
        JSONValue.object([
          .init("description", model.description?.json ?? .null),
          .init("parameters", .integer(trainable)), .init("buffer_elements", .integer(buffers)),
        ]).text)
      return
    }
    print("flow        \(model.description?.json.text ?? "built by a program")")
    print("features    \(model.features)")
    print("context     \(model.context)")
    print("parameters  \(trainable) (float32), \(buffers) elements in buffers")
    print(
      "functions   \(FlowFunction.allCases.map(\.rawValue).joined(separator: ", ")), gradient, train_step"
    )
    print("")
    print(ParameterTree(model.parameters).text, terminator: "")
  }
}

extension Info {
  /// What a compiled flow states about itself.
  private func printCompiled() throws {
    let flow = try CompiledFlow(path: model)
    if json {
      print(flow.description.text)
      return
    }
    guard case .object(let members) = flow.description else { return }
    for member in members {
      var text = member.value.text
      switch member.value {
      case .string(let value): text = value
      case .array(let values):
        text = values.map { if case .string(let name) = $0 { name } else { $0.text } }
          .joined(separator: ", ")
      case .null, .bool, .integer, .number, .object: break
      }
      let name = member.key.replacingOccurrences(of: "_", with: " ")
      print(name.padding(toLength: 12, withPad: " ", startingAt: 0) + text)
    }
  }
}

/// Parameters as a tree of their names.
struct ParameterTree {
  let text: String

  init(_ parameters: [Parameter]) {
    var lines: [String] = []
    var previous: [Substring] = []
    for parameter in parameters {
      let path = parameter.name.split(separator: ".")
      var common = 0
      while common < min(path.count - 1, previous.count - 1), path[common] == previous[common] {
        common += 1
      }
      for level in common..<path.count - 1 {
        lines.append(String(repeating: "  ", count: level) + path[level])
      }
      let shape = parameter.shape.map(String.init).joined(separator: " x ")
      let indent = String(repeating: "  ", count: path.count - 1)
      let name = (indent + (path.last ?? "")).padding(
        toLength: 28, withPad: " ", startingAt: 0)
      lines.append("\(name)\(shape)\(parameter.isTrainable ? "" : "  (buffer)")")
      previous = path
    }
    text = lines.joined(separator: "\n") + "\n"
  }
}
