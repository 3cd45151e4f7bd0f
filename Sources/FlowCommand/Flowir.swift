import ArgumentParser
import FlowFiles
import Foundation

/// The command `flowir`.
@main
struct Flowir: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "flowir",
    abstract: "Train, score, sample and inspect normalizing flows as native code.",
    discussion: """
      MODEL is a safetensors file with a flow description. Arrays are .npy, .npz or .csv, by their \
      ending; - is a stream of CSV rows.
      """,
    version: "flowir 0.1.0",
    subcommands: [
      Train.self, Score.self, Sample.self, Transform.self, Gradient.self, Dump.self, Opt.self,
      Run.self, Info.self, Check.self, Plot.self, Compile.self, EnsembleCommand.self, Profile.self,
      Bench.self,
    ])

  static func main() {
    StandardStreams.prepare()
    var running: (any ParsableCommand.Type)?
    do {
      var command = try parseAsRoot()
      running = type(of: command)
      try StandardStreams.checkLimits()
      try OpenMPEnvironment.prepare()
      try command.run()
    } catch let error where isUsage(error) {
      let message = usageMessage(for: error, of: running)
      guard exitCode(for: error) == .success else {
        StandardStreams.error("\(message)\n")
        Foundation.exit(2)
      }
      do {
        try Console.print(message)
      } catch {
        Console.fail("\(error)")
        Foundation.exit(1)
      }
      Foundation.exit(0)
    } catch {
      Console.fail("\(error)")
      Foundation.exit(1)
    }
  }

  /// What is said of wrong arguments: the error and the usage of the subcommand. Of an error that was
  /// found once the subcommand ran, the parser does not know whose it is.
  private static func usageMessage(
    for error: any Error, of running: (any ParsableCommand.Type)?
  ) -> String {
    guard let running, error is ValidationError else { return fullMessage(for: error) }
    let usage = usageString(for: running)
    let command = usage.split(separator: " ").prefix { !$0.hasPrefix("[") && !$0.hasPrefix("<") }
    return """
      Error: \(message(for: error))
      Usage: \(usage)
        See '\(command.joined(separator: " ")) --help' for more information.
      """
  }

  /// Whether an error comes from parsing arguments, or asks for help.
  private static func isUsage(_ error: any Error) -> Bool {
    let code = exitCode(for: error)
    return code == .validationFailure || code == .success || error is ValidationError
  }
}
