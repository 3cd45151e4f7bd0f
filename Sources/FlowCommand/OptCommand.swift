import ArgumentParser
import FlowFiles
import FlowIR
import FlowPasses

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
    try Console.print(module.text, terminator: "")
  }
}
