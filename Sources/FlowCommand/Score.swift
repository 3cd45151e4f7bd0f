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
      NaN and is counted; a row outside the support scores -inf.

      EXAMPLE: flowir score model.safetensors --input x.npy --output log_prob.npy
      """)

  @Argument(help: "The model file, or a compiled .so.") var model: String
  @Option(name: [.customLong("input"), .customLong("data")], help: "The rows to score.")
  var input: String
  @Option(help: "The context of each row.") var context: String?
  @Option(help: "Where to write the log-densities, in nats.") var output: String
  @Option(
    parsing: .unconditional,
    help: "How many rows to score at a time.", transform: Parse.integer(from: 1, to: 10_000_000))
  var chunk = 65536
  @Flag(help: "Go on with a run that was interrupted; the bytes are those of a whole run.")
  var resume = false
  @Flag(help: "Answer each line of a stream as it comes.") var lineBuffered = false
  @Flag(help: "Show progress although standard error is not a terminal.") var progress = false
  @OptionGroup var tables: TableFlags
  @OptionGroup var options: CommonOptions

  func validate() throws {
    if resume, !output.hasSuffix(".npy") {
      throw ValidationError("--resume needs an output that ends in .npy")
    }
    try options.check(outputs: [output])
  }

  func run() throws {
    let outputs = Outputs(inputs: [model, input] + (context.map { [$0] } ?? []))
    let output = try outputs.openRows(self.output, resume: resume)
    let model = try AnyModel(path: model)
    switch try model.precision(options, path: self.model) {
    case .f32: try run(Float.self, model, outputs, output)
    case .f64: try run(Double.self, model, outputs, output)
    }
  }

  private func run<Number: RowNumber>(
    _ type: Number.Type, _ model: AnyModel, _ outputs: Outputs, _ output: RowOutput
  ) throws {
    let start = Date()
    let rowType: RowType = Number.self == Double.self ? .f64 : .f32
    var source = try RowSource<Number>(
      model: model, input: input, context: context, flags: tables)
    let function = try model.function(.logProb, options)
    var resumable: ResumableNPYWriter?
    let writer: any RowWriter
    if let file = output.file, self.output.hasSuffix(".npy") {
      let taken = try ResumableNPYWriter(file, type: rowType, fingerprint: fingerprint(rowType))
      (resumable, writer) = (taken, taken)
    } else {
      writer = try createRows(output, columns: nil, type: rowType)
    }
    var pipeline = RowPipeline<Number>(
      function, [RowResult(name: "log_prob", columns: 1, writer: writer)],
      threads: options.threads)
    if let resumable {
      // Rows of the earlier run are read past, and its bad ones counted.
      while source.done < resumable.resumed {
        let first = source.done
        guard let part = try source.next(min(resumable.resumed - first, chunk)) else { break }
        let values = try resumable.earlier(from: first, count: part.rows)
        pipeline.count(earlier: values, number: part.number, isFinite: part.isFinite)
      }
      if source.done < resumable.resumed {
        throw FileError.mismatch(
          path: input, found: "\(source.done) rows",
          expected: "\(resumable.resumed) or more, which an earlier run scored")
      }
    }
    var bar = RowProgress(total: source.rowCount, isForced: progress)
    while let part = try source.next(lineBuffered ? 1 : chunk) {
      try pipeline.process(
        part.inputs("x", features: model.features, context: model.context), rows: part.rows,
        isFinite: part.isFinite, number: part.number)
      bar.show(source.done)
    }
    bar.clear()
    try writer.finish()
    try outputs.commit()
    for text in source.warnings { Console.warn(text) }
    if let text = pipeline.bad.warning(path: input) { Console.warn(text) }
    let seconds = Date().timeIntervalSince(start)
    try options.summary(
      [("rows", .integer(source.done))] + pipeline.bad.members + [("seconds", .number(seconds))],
      "scored \(source.done) rows in \(Format.seconds(seconds))" + pipeline.bad.text)
  }

  /// What the result depends on, for an interrupted run to be known again.
  private func fingerprint(_ type: RowType) -> String {
    ([model, input] + (context.map { [$0] } ?? [])).map(Self.identity).joined(separator: " ")
      + " \(type) \(tables.identity)"
  }

  /// What identifies a file beside its name: its size and the time it was last changed.
  private static func identity(_ path: String) -> String {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    let size = (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    let time = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
    return "\(path) \(size) \(time)"
  }
}
