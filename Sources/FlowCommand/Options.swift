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

/// Options that most commands share.
struct CommonOptions: ParsableArguments {
  @Option(help: "How many threads to use; one per processor if left out.")
  var threads: Int?

  @Option(help: "The float type to compute in: f32 if left out, or a compiled flow's own.")
  var dtype: Precision?

  @Flag(help: "Print the summary as JSON on standard output.")
  var json = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be 1 or more") }
  }

  /// Prints a summary: JSON on standard output, or a line on standard error of a terminal.
  func summary(_ members: [(String, JSONValue)], _ line: @autoclosure () -> String) {
    if json {
      print(JSONValue.object(members.map { .init($0.0, $0.1) }).text)
    } else if isatty(2) == 1 {
      Flowir.write(line() + "\n")
    }
  }
}

/// Rows of x, and of the context where the flow has one, read together.
struct PairedRows {
  let x: any RowReader
  let context: (any RowReader)?
  private let path: String
  private let contextPath: String?
  private(set) var done = 0

  init(model: AnyModel, input: String, context contextPath: String?) throws {
    x = try openRows(input)
    path = input
    self.contextPath = contextPath
    guard x.columns == model.features else {
      throw FileError.mismatch(
        path: input, found: "\(x.columns) columns", expected: "\(model.features) features")
    }
    switch (contextPath, model.context) {
    case (nil, 0): context = nil
    case (nil, let count):
      throw FileError.mismatch(
        path: input, found: "no context",
        expected: "--context with \(count) columns, since the flow is conditional")
    case (let path?, 0):
      throw FileError.mismatch(
        path: path, found: "a context", expected: "none, since the flow is unconditional")
    case (let path?, let count):
      let reader = try openRows(path)
      guard reader.columns == count else {
        throw FileError.mismatch(
          path: path, found: "\(reader.columns) columns", expected: "\(count) context features")
      }
      if let rows = reader.rowCount, let expected = x.rowCount, rows != expected {
        throw FileError.mismatch(
          path: path, found: "\(rows) rows", expected: "\(expected) rows, as in \(input)")
      }
      context = reader
    }
  }

  /// Up to `count` more rows; nil at the end.
  mutating func next(_ count: Int) throws -> (x: [Double], context: [Double], rows: Int)? {
    let values = try x.read(count)
    let rows = values.count / x.columns
    guard let context else {
      done += rows
      return rows == 0 ? nil : (values, [], rows)
    }
    let conditions = try context.read(rows == 0 ? 1 : rows)
    guard conditions.count == rows * context.columns else {
      let found = done + conditions.count / context.columns
      throw FileError.mismatch(
        path: contextPath ?? "", found: rows == 0 ? "more than \(done) rows" : "\(found) rows",
        expected: rows == 0 ? "\(done) rows, as in \(path)" : "as many rows as \(path)")
    }
    done += rows
    return rows == 0 ? nil : (values, conditions, rows)
  }
}

/// Whether each row has only finite numbers.
func finiteRows(_ values: [Double], columns: Int) -> [Bool] {
  stride(from: 0, to: values.count, by: columns).map { start in
    values[start..<start + columns].allSatisfy(\.isFinite)
  }
}

/// An array of inputs in the function's float type.
func hostArray(_ values: [Double], _ rows: Int, _ columns: Int, _ dtype: Precision) -> HostArray {
  dtype == .f64
    ? HostArray(values, shape: [rows, columns])
    : HostArray(values.map { Float($0) }, shape: [rows, columns])
}
