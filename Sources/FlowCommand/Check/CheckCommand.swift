import ArgumentParser
import FlowFiles
import Flows

/// `flowir check`.
struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say on one page whether a model is healthy.",
    discussion: """
      Draws rows from the flow and looks at its weights, at f⁻¹(f(x)), at the log-determinants of both \
      directions and of differences, at the integral of the density (one or two features), at what \
      float32 loses, at units of its networks that are the same for all rows, and at the speed beside the \
      bound. With --data also at rows that the flow has no density for, at rows far from its samples, and at \
      rows outside of the interval that a spline flow shapes. \
      The exit status is 1 if something is wrong.

      EXAMPLE: flowir check model.safetensors --data x.npy
      """)

  @Argument(help: "The model file.") var model: String
  @Option(
    name: [.customLong("data"), .customLong("input")], help: "Rows that the flow is meant for.")
  var data: String?
  @Option(help: "The contexts: one for each row of --data, or those to draw for.")
  var context: String?
  @Option(parsing: .unconditional, help: "The seed of the samples.", transform: Parse.seed)
  var seed: UInt64 = 0
  @OptionGroup var tables: TableFlags
  @OptionGroup var options: CommonOptions

  func run() throws {
    let model = try Model.read(model)
    let findings = try CheckedModel(self, model).findings()
    if options.json {
      try Console.print(JSONValue.array(findings.map(\.json)).text)
    } else {
      for finding in findings { try Console.print(finding.text) }
    }
    let wrong = findings.filter { $0.state == .wrong }
    if !wrong.isEmpty {
      throw CheckFailure(names: wrong.map(\.name))
    }
  }
}

/// What `check` found out about one thing.
struct Finding {
  enum State: String {
    case fine = "ok"
    case notable = "note"
    case wrong
    case skipped = "skip"
  }

  let name: String
  let state: State
  /// What was found, with figures.
  let text: String
  /// What to do; empty if nothing.
  let advice: String
  /// The figures, for programs.
  let figures: [(String, Double)]

  init(
    _ name: String, _ state: State, _ found: String, advice: String = "",
    figures: [(String, Double)] = []
  ) {
    (self.name, self.state, self.advice, self.figures) = (name, state, advice, figures)
    let head = state.rawValue.padding(5) + name.padding(18) + found
    text = state == .fine || advice.isEmpty ? head : head + "\n" + "".padding(23) + advice
  }

  var json: JSONValue {
    .object(
      [.init("name", .string(name)), .init("state", .string(state.rawValue))]
        + figures.map { .init($0.0, $0.1.isFinite ? .number($0.1) : .null) }
        + (advice.isEmpty ? [] : [.init("advice", .string(advice))]))
  }
}

extension String {
  /// The text with spaces up to a width.
  fileprivate func padding(_ width: Int) -> String {
    self + String(repeating: " ", count: max(width - count, 0))
  }
}

/// Something is wrong with a model.
struct CheckFailure: Error, CustomStringConvertible {
  let names: [String]
  var description: String { "something is wrong: \(names.joined(separator: ", "))" }
}
