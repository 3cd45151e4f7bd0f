import ArgumentParser
import FlowFiles
import FlowIR
import FlowPasses

/// `flowir opt`.
struct Opt: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run passes over textual IR and print the result.",
    discussion: """
      With --bisect the passes stop after so many changes: where a result is wrong with N changes \
      and right with N - 1, the last change is at fault.

      EXAMPLE: flowir opt function.flowir --pass simplify,dead-code
      """)

  @Argument(help: "A .flowir file.") var file: String
  @Option(name: .customLong("pass"), help: "Names of passes, separated by commas.")
  var passes: String
  @Option(
    parsing: .unconditional, help: "Stop after this many changes.",
    transform: Parse.integer(from: 0, to: Int.max))
  var bisect: Int?

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
    let budget = RewriteBudget(limit: bisect ?? .max)
    module.functions = try module.functions.map { try Pipeline.run(list, on: $0, budget: budget) }
    try Console.print(module.text, terminator: "")
  }
}
