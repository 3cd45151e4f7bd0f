import ArgumentParser
import FlowFiles
import FlowIR
import FlowPasses
import FlowRuntime
import Flows
import Foundation

/// The float type to compute in.
enum Precision: String, ExpressibleByArgument, CaseIterable {
  case f32
  case f64

  var dtype: DType { self == .f32 ? .f32 : .f64 }
  var rowType: RowType { self == .f32 ? .f32 : .f64 }
}

/// The flag of commands that print a summary.
struct SummaryFlag: ParsableArguments {
  @Flag(help: "Print the summary as JSON on standard output.") var json = false

  /// Prints a summary: JSON on standard output, or a line on standard error of a terminal. A line that
  /// answers what was asked is a note where there is no terminal.
  func print(
    _ members: [(String, JSONValue)], isAnswer: Bool = false,
    _ line: @autoclosure () throws -> String
  ) throws {
    if json {
      try Console.print(JSONValue.object(members.map { .init($0.0, $0.1) }).text)
    } else if isatty(2) == 1 {
      StandardStreams.error(try line() + "\n")
    } else if isAnswer {
      Console.note(try line())
    }
  }
}

/// Options that most commands share.
struct CommonOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "How many threads to use, at most 1024; one per processor if left out.",
    transform: Parse.integer(from: 1, to: Parse.mostThreads))
  var threads: Int?

  @Option(help: "The float type to compute in: f32 if left out, or a compiled flow's own.")
  var dtype: Precision?

  @OptionGroup var summaryFlag: SummaryFlag
  var json: Bool { summaryFlag.json }

  /// Refuses a table and a JSON summary on standard output at once.
  func check(outputs: [String?]) throws {
    let streams = outputs.count { $0 == "-" }
    if streams > 1 { throw ValidationError("only one output can be -, standard output") }
    if json, streams > 0 {
      throw ValidationError("--json prints on standard output, so name a file for the rows")
    }
  }

  /// Prints a summary: JSON on standard output, or a line on standard error.
  func summary(
    _ members: [(String, JSONValue)], isAnswer: Bool = false,
    _ line: @autoclosure () throws -> String
  ) throws {
    try summaryFlag.print(members, isAnswer: isAnswer, try line())
  }
}

/// How the tables of rows and contexts are read.
struct TableFlags: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "The columns to read, by name or number from 1, such as mass,radius or 2-4,7.",
    transform: Parse.columns)
  var columns: ColumnSelection?

  @Option(parsing: .unconditional, help: "The same for the context.", transform: Parse.columns)
  var contextColumns: ColumnSelection?

  @Option(
    help:
      "Whether the first row of a .csv names the columns: yes or no; told by itself if left out.")
  var header: TableOptions.Header?

  @Option(help: "Which array of an .npz to read.") var array: String?

  @Option(help: "The same for the context.") var contextArray: String?

  /// How x is read.
  var rows: TableOptions { TableOptions(columns: columns, header: header, array: array) }

  /// How the context is read.
  var context: TableOptions {
    TableOptions(columns: contextColumns, header: header, array: contextArray)
  }

  /// The options in one text, to compare an interrupted run's with these.
  var identity: String {
    [
      columns?.description, contextColumns?.description, header?.rawValue, array, contextArray,
    ].map { $0.map { "'\($0)'" } ?? "-" }.joined(separator: " ")
  }
}

extension TableOptions.Header: ExpressibleByArgument {}

/// Formats numbers for people.
enum Format {
  static func seconds(_ value: Double) -> String { String(format: "%.2f s", value) }
  static func nats(_ value: Double) -> String { String(format: "%.4f nats", value) }
  static func loss(_ value: Double) -> String { String(format: "%.4f", value) }
  static func significant(_ value: Double) -> String { String(format: "%.3g", value) }
  static func rate(_ rows: Int, _ seconds: Double) -> String {
    let rate = Double(rows) / max(seconds, 1e-9)
    return rate < 9_999
      ? String(format: "%.0f rows/s", rate)
      : rate < 9.999e6
        ? String(format: "%.0f k rows/s", rate / 1e3)
        : String(format: "%.1f M rows/s", rate / 1e6)
  }
}
