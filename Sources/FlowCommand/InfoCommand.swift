import ArgumentParser
import FlowFiles
import Flows
import Foundation

/// `flowir info`.
struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print the architecture as a tree, parameter counts and functions.",
    discussion: "EXAMPLE: flowir info model.safetensors")

  @Argument(help: "The model file, or a compiled .so.") var model: String
  @Flag(help: "Print as JSON.") var json = false

  func run() throws {
    if model.hasSuffix(".so") {
      try printCompiled()
      return
    }
    let model = try Model.read(model)
    let trainable = model.parameters.filter(\.isTrainable).reduce(0) { $0 + $1.count }
    let buffers = model.parameters.filter { !$0.isTrainable }.reduce(0) { $0 + $1.count }
    let functions = FlowFunction.allCases.map(\.name)
    if json {
      let tensors = model.parameters.map { parameter in
        JSONValue.Member(
          parameter.name,
          .object([
            .init("shape", .array(parameter.shape.map { .integer($0) })),
            .init("trained", .bool(parameter.isTrainable)),
          ]))
      }
      try Console.print(
        JSONValue.object([
          .init("description", model.description?.json ?? .null),
          .init("features", .integer(model.features)), .init("context", .integer(model.context)),
          .init("dtype", .string("f32")), .init("parameters", .integer(trainable)),
          .init("buffer_elements", .integer(buffers)),
          .init("columns", model.columns.isEmpty ? .null : model.columns.json),
          .init("discrete", .array(model.discrete.map(\.json))),
          .init("density", .string(model.hasEstimate ? "estimate" : "exact")),
          .init("functions", .array(functions.map { .string($0) })),
          .init("tensors", .object(tensors)),
        ]).text)
      return
    }
    let columns = [("columns     ", model.columns.x), ("of context  ", model.columns.context)]
      .map { $1.isEmpty ? "" : "\n" + $0 + $1.joined(separator: ", ") }.joined()
    try Console.print(
      """
      flow        \(model.description?.json.text ?? "built by a program")
      features    \(model.features)
      context     \(model.context)
      parameters  \(trainable) (float32), \(buffers) elements in buffers
      functions   \(functions.joined(separator: ", "))\(columns)\(Self.discrete(model))\(Self.density(model.hasEstimate))

      """)
    try Console.print(ParameterTree(model.parameters).text, terminator: "")
  }
}

extension Info {
  /// A line about discrete columns; empty without any.
  private static func discrete(_ model: Model) -> String {
    let names = model.discrete.map { column in
      "\(model.columns.x.isEmpty ? "\(column.feature + 1)" : model.columns.x[column.feature]):\(column.step)"
    }
    return names.isEmpty ? "" : "\ndiscrete    " + names.joined(separator: ", ")
  }

  /// A line about an estimated density; empty for an exact one.
  private static func density(_ isEstimate: Bool) -> String {
    isEstimate
      ? "\ndensity     an estimate, unbiased over seeds of its probes; its standard error is the "
        + "deviation of log p over\n            score --probe-seed 1, 2, …" : ""
  }

  /// What a compiled flow states about itself.
  private func printCompiled() throws {
    let flow = try CompiledArtifact(path: model)
    if json {
      try Console.print(flow.description.text)
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
      try Console.print(name.padding(toLength: 12, withPad: " ", startingAt: 0) + text)
    }
    let isEstimate = FlowDescription.hasEstimate(flow.description["flow"] ?? .null)
    let line = Self.density(isEstimate).dropFirst()
    if !line.isEmpty { try Console.print(String(line)) }
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
