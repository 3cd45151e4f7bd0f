import ArgumentParser
import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// `flowir score`.
struct Score: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write log p(x|c) of every row, in the input's order.",
    discussion: """
      Rows are streamed: memory does not grow with the file. A row with NaN or infinity scores \
      NaN; a row outside the support scores -inf.

      EXAMPLE: flowir score model.safetensors --input x.npy --output log_prob.npy
      """)

  @Argument(help: "The model file, or a compiled .so.") var model: String
  @Option(help: "The rows to score.") var input: String
  @Option(help: "The context of each row.") var context: String?
  @Option(help: "Where to write the log-densities, in nats.") var output: String
  @Option(help: "How many rows to score at a time.") var chunk = 65536
  @Flag(help: "Go on with a run that was interrupted; the bytes are those of a whole run.")
  var resume = false
  @OptionGroup var options: CommonOptions

  func validate() throws {
    if chunk < 1 { throw ValidationError("--chunk must be 1 or more") }
    if resume, !output.hasSuffix(".npy") {
      throw ValidationError("--resume needs an output that ends in .npy")
    }
  }

  func run() throws {
    let start = Date()
    let model = try AnyModel(path: model)
    let precision = try model.precision(options, path: self.model)
    var rows = try PairedRows(model: model, input: input, context: context)
    let score = try model.function(.logProb, options)
    let fingerprint =
      ([self.model, input] + (context.map { [$0] } ?? []))
      .map(Self.identity).joined(separator: " ") + " \(precision)"
    let writer: any RowWriter
    var skipped = 0
    if output.hasSuffix(".npy") {
      let resumable = try ResumableNPYWriter(
        output, type: precision.rowType, fingerprint: fingerprint, resume: resume)
      skipped = resumable.rows
      writer = resumable
    } else {
      writer = try createRows(output, columns: nil, type: precision.rowType)
    }
    var invalid = 0
    do {
      invalid = try write(score, &rows, model: model, precision, skipping: skipped, to: writer)
    } catch {
      // Only an interrupted run can be gone on with, not one that met bad input.
      (writer as? ResumableNPYWriter)?.discard()
      throw error
    }
    try writer.finish()
    let seconds = Date().timeIntervalSince(start)
    options.summary(
      [
        ("rows", .integer(rows.done)), ("invalid_rows", .integer(invalid)),
        ("seconds", .number(seconds)),
      ],
      "scored \(rows.done) rows in \(Format.seconds(seconds))"
        + (invalid > 0 ? "; \(invalid) with NaN or infinity score NaN" : ""))
  }

  /// What tells a file from another of the same name: its size and time of change.
  private static func identity(_ path: String) -> String {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    let size = (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    let time = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
    return "\(path) \(size) \(time)"
  }

  /// Scores rows to the end; gives how many had NaN or infinity.
  private func write(
    _ score: any RowFunction, _ rows: inout PairedRows, model: AnyModel, _ precision: Precision,
    skipping skipped: Int, to writer: any RowWriter
  ) throws -> Int {
    var left = skipped
    while left > 0, let part = try rows.next(min(left, chunk)) { left -= part.rows }
    var invalid = 0
    while let part = try rows.next(chunk) {
      var inputs = ["x": hostArray(part.x, part.rows, model.features, precision)]
      if model.context > 0 {
        inputs["context"] = hostArray(part.context, part.rows, model.context, precision)
      }
      let result = try score(inputs, rows: part.rows, firstRow: 0, threads: options.threads)
      var logProb = result["log_prob"]?.doubles ?? []
      let finite = finiteRows(part.x, columns: model.features)
      let finiteContext =
        model.context > 0 ? finiteRows(part.context, columns: model.context) : []
      for index in logProb.indices
      where !finite[index] || !(finiteContext.isEmpty || finiteContext[index]) {
        logProb[index] = .nan
        invalid += 1
      }
      try writer.write(logProb)
    }
    return invalid
  }
}

/// Numbers for people.
enum Format {
  static func seconds(_ value: Double) -> String { String(format: "%.2f s", value) }
  static func nats(_ value: Double) -> String { String(format: "%.4f nats", value) }
}
