import ArgumentParser
import FlowCodegen
import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// `flowir bench`.
struct Bench: ParsableCommand {
  /// The functions that are timed unless others are asked for.
  private static let standard: [ArtifactFunction] = [.logProb, .sample, .logProbGradient]

  static let configuration = CommandConfiguration(
    abstract: "Print how long one row, a hundred and a million take.",
    discussion: """
      Draws rows from the flow and times its functions on them, through memory as a program calls them: \
      medians of repeated calls after a first one. A million rows that would take more than a few \
      seconds are fewer, and the table says how many. profile says where the time goes.

      EXAMPLE: flowir bench model.safetensors
      EXAMPLE: flowir bench libgalaxy.so --rows 1,64,1e5 --function log_prob --json
      """)

  @Argument(help: "The model file, or a compiled .so.") var model: String
  @Option(
    help: ArgumentHelp(
      "The functions, separated by commas: "
        + ArtifactFunction.standard.map(\.rawValue).joined(separator: ", ") + "; "
        + standard.map(\.rawValue).joined(separator: ",") + " if left out."))
  var function: String?
  @Option(
    parsing: .unconditional, help: "How many rows a call has, separated by commas.",
    transform: Self.sizes)
  var rows = [1, 100, 1_000_000]
  @Option(
    parsing: .unconditional, help: "For how many seconds each call is repeated.",
    transform: Parse.number(.from(0, to: 1e6)))
  var seconds = 0.5
  @OptionGroup var common: CommonOptions

  func validate() throws { _ = try functions() }

  func run() throws {
    let functions = try self.functions()
    let flow = try AnyModel(path: model)
    let precision = try flow.precision(common, path: model)
    let threads = common.threads ?? CompiledFunction.defaultThreads
    var table: [BenchLine] = []
    for function in functions {
      let call = try BenchCall(
        function, of: flow, options: common, dtype: precision.dtype, most: rows.max() ?? 1,
        threads: threads)
      // The rate of one size says how many rows of the next take no longer than this.
      var rate = Double.infinity
      for size in rows.sorted() {
        let affordable = rate.isFinite ? Int(max(rate * max(seconds, 0.5) * 4, 1)) : size
        let count = size > 1000 ? min(size, max(affordable, 1000)) : size
        let line = try call.timed(rows: count, seconds: seconds)
        if count >= 64 { rate = line.rate }
        table.append(line)
        if !common.json { try Console.print((table.count == 1 ? BenchLine.head : "") + line.text) }
      }
    }
    if common.json {
      let lines = table.map(\.json)
      try Console.print(
        JSONValue.object([
          .init("model", .string(model)), .init("threads", .integer(threads)),
          .init("dtype", .string(precision.rawValue)), .init("calls", .array(lines)),
        ]).text)
    }
  }

  private func functions() throws -> [ArtifactFunction] {
    guard let function else { return Self.standard }
    return try function.split(separator: ",").map { name in
      guard let known = ArtifactFunction(rawValue: String(name)), known != .logProbHVP else {
        let names = ArtifactFunction.standard.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("unknown function '\(name)'; expected some of \(names)")
      }
      return known
    }
  }

  private static func sizes(_ text: String) throws -> [Int] {
    let parse = Parse.integer(from: 1, to: 1_000_000_000)
    return try text.split(separator: ",", omittingEmptySubsequences: false)
      .map { try parse(String($0)) }
  }
}

/// The time of calls of one size.
struct BenchLine {
  let function: String
  let rows: Int
  /// Seconds of a call: the median.
  let seconds: Double
  let calls: Int

  static let head = "function                rows   time of a call      rows/s   calls\n"

  /// Rows a second.
  var rate: Double { Double(rows) / max(seconds, 1e-12) }

  var text: String {
    let (time, unit): (Double, String) =
      switch seconds {
      case ..<1e-3: (seconds * 1e6, "µs")
      case ..<1: (seconds * 1e3, "ms")
      default: (seconds, "s ")
      }
    return function.left(18) + "\(rows)".right(10)
      + (Self.short(time) + " " + unit).right(17) + Self.rate(rate).right(12)
      + "\(calls)".right(8)
  }

  var json: JSONValue {
    .object([
      .init("function", .string(function)), .init("rows", .integer(rows)),
      .init("seconds", .number(seconds)), .init("rows_per_second", .number(rate)),
      .init("calls", .integer(calls)),
    ])
  }

  private static func rate(_ value: Double) -> String {
    switch value {
    case ..<1e3: short(value)
    case ..<1e6: short(value * 1e-3) + " k"
    case ..<1e9: short(value * 1e-6) + " M"
    default: short(value * 1e-9) + " G"
    }
  }

  /// Three digits.
  private static func short(_ value: Double) -> String {
    String(format: value < 10 ? "%.2f" : value < 100 ? "%.1f" : "%.0f", value)
  }
}
