import ArgumentParser
import FlowFiles
import Foundation

/// A command that computes something of rows: `score`, `sample`, `transform`, `gradient`.
///
/// `run` is the same for all: outputs are opened before anything is read, rows are processed in the
/// float type that was asked for, the outputs are committed together, and warnings and a summary follow.
protocol RowCommand: ParsableCommand {
  /// The outputs, open and locked.
  associatedtype Places

  var model: String { get }
  var options: CommonOptions { get }
  /// The files that are read beside the model.
  var inputs: [String] { get }

  /// Checks, opens and locks the outputs.
  func open(_ outputs: Outputs) throws -> Places

  /// Reads the rows, computes, and writes all results, which are not committed yet.
  func process<Number: RowNumber>(
    _ model: AnyModel, into places: Places, as type: Number.Type
  ) throws -> RowSummary
}

/// What a command has done with its rows.
struct RowSummary {
  /// What was done, in words.
  let text: String
  /// Whether that answers what was asked, such as the probability of a box.
  var isAnswer = false
  let rows: Int
  let bad: BadRows
  /// The file that the numbers of bad rows refer to.
  let path: String
  /// What may make the results useless.
  var warnings: [String] = []
  /// What the JSON summary has beside what all have.
  var members: [(String, JSONValue)] = []
}

extension RowCommand {
  /// How many rows are processed at a time, where there is no option for it.
  static var chunk: Int { 65536 }

  func run() throws {
    let outputs = Outputs(inputs: [model] + inputs)
    let places = try open(outputs)
    let model = try AnyModel(path: model)
    let precision = try model.precision(options, path: self.model)
    let start = Date()
    let summary =
      switch precision {
      case .f32: try process(model, into: places, as: Float.self)
      case .f64: try process(model, into: places, as: Double.self)
      }
    try outputs.commit()
    for text in summary.warnings { Console.warn(text) }
    if let text = summary.bad.warning(path: summary.path) { Console.warn(text) }
    let seconds = Date().timeIntervalSince(start)
    try options.summary(
      [("rows", .integer(summary.rows))] + summary.bad.members + summary.members
        + [("seconds", .number(seconds))],
      isAnswer: summary.isAnswer,
      "\(summary.text) in \(Format.seconds(seconds))" + summary.bad.text)
  }
}

extension Outputs {
  /// Opens those of several outputs that are wanted.
  ///
  /// - Throws: `FileError`.
  func openRows(_ paths: [String?]) throws(FileError) -> [RowOutput?] {
    try paths.map { path throws(FileError) in
      try path.map { path throws(FileError) in try openRows(path) }
    }
  }
}
