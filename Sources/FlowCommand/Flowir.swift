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
      MODEL is a safetensors file with a flow description. Arrays are .npy (float32 or float64, \
      C order) or .csv, by their ending; - is a stream of CSV rows.
      """,
    subcommands: [
      Train.self, Score.self, Sample.self, Transform.self, Gradient.self, Dump.self, Opt.self,
      Run.self, Info.self, Compile.self, Profile.self,
    ])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let error where isUsage(error) {
      let code = exitCode(for: error)
      if code == .success {
        print(fullMessage(for: error))
        Foundation.exit(0)
      }
      write("\(fullMessage(for: error))\n")
      Foundation.exit(2)
    } catch {
      write("flowir: error: \(oneLine("\(error)"))\n")
      Foundation.exit(1)
    }
  }

  /// Whether an error comes from parsing arguments, or asks for help.
  private static func isUsage(_ error: any Error) -> Bool {
    let code = exitCode(for: error)
    return code == .validationFailure || code == .success || error is ValidationError
  }

  private static func oneLine(_ text: String) -> String {
    text.split(separator: "\n").joined(separator: " ")
  }

  static func write(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }
}
