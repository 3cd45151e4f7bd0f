import ArgumentParser
import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// `flowir score`.
struct Score: RowCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write log p(x|c) of every row, in the input's order.",
    discussion: """
      Rows are streamed: memory does not grow with the file. A row with NaN or infinity scores \
      NaN and is counted; a row outside the support scores -inf.

      With --within, it is the density of the flow within a box: log p(x|c) - log P(box|c) inside, -inf \
      outside. P(box|c) is estimated from --mass-draws samples of each context. Of a discrete column the box has \
      the whole cells of the numbers inside.

      Where a model has discrete columns (train --discrete), it is the log of the mass of their cells times the \
      density of the other columns: exact where one such column is the only one, or the last that an \
      autoregressive flow transforms; else the mean over --cell-points quasi-random points in the cell, whose \
      standard error --mass-error writes. The summary says which.

      The log-determinant of a residual transform of more than 64 features is an estimate (its series ends at a \
      random term, and its traces come from random probes), without bias over seeds. All rows share the draw, and so \
      its error: the standard error of a row, or of a mean over rows, is the deviation over runs with --probe-seed \
      1, 2 and so on. The summary says so.

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
  @Option(
    help: "Draw the probes of an estimated density with this seed, in place of the model's own.",
    transform: Parse.integer(from: 0, to: .max))
  var probeSeed: Int?
  @Flag(help: "Answer each line of a stream as it comes.") var lineBuffered = false
  @Flag(help: "Show progress although standard error is not a terminal.") var progress = false
  @OptionGroup var box: BoxFlags
  @OptionGroup var cells: CellFlags
  @OptionGroup var tables: TableFlags
  @OptionGroup var options: CommonOptions

  func validate() throws {
    if resume, !output.hasSuffix(".npy") {
      throw ValidationError("--resume needs an output that ends in .npy")
    }
    if resume, cells.massError != nil {
      throw ValidationError("--mass-error can't be resumed; leave out --resume")
    }
    try options.check(outputs: [output, cells.massError])
  }

  var inputs: [String] { [input] + [context].compactMap { $0 } }

  func open(_ outputs: Outputs) throws -> (logProb: RowOutput, error: RowOutput?) {
    (
      try outputs.openRows(output, resume: resume),
      try cells.massError.map { try outputs.openRows($0) }
    )
  }

  func process<Number: RowNumber>(
    _ model: AnyModel, into places: (logProb: RowOutput, error: RowOutput?), as type: Number.Type
  ) throws -> RowSummary {
    let place = places.logProb
    let model = try probeSeed.map { try model.redrawn(seed: $0, path: self.model) } ?? model
    guard places.error == nil || !model.discrete.isEmpty else {
      throw ValidationError(
        "--mass-error is for a flow of discrete columns, and \(self.model) has none")
    }
    var source = try RowSource<Number>(
      model: model, input: input, context: context, flags: tables)
    let masses =
      model.discrete.isEmpty
      ? nil : try DiscreteScorer<Number>(source.model, points: cells.cellPoints)
    let scorer = try box.box(of: model).map { box in
      RestrictedScorer(
        try self.box.restricted(
          source.model, to: box, centre: source.subtracted, as: Number.self), cells: masses)
    }
    let function: any RowFunction =
      try scorer ?? masses ?? source.model.function(.logProb, options)
    let mass = model.context == 0 ? try scorer?.mass(of: [], options.threads) : nil
    let members = try mass.map { try box.members(of: $0, path: self.model) } ?? []
    let rowType = Number.precision.rowType
    let resumable =
      output.hasSuffix(".npy")
      ? try place.file.map { file throws(FileError) in
        try ResumableNPYWriter(file, type: rowType, fingerprint: fingerprint(rowType))
      } : nil
    let writer = try resumable ?? createRows(place, columns: nil, type: rowType)
    var results = [RowResult(name: "log_prob", columns: 1, writer: writer)]
    if let place = places.error {
      results.append(
        RowResult(
          name: "standard_error", columns: 1,
          writer: try createRows(place, columns: nil, type: rowType)))
    }
    var pipeline = RowPipeline<Number>(function, results, threads: options.threads)
    if let resumable { try pass(resumable, &source, &pipeline) }
    var table = RowTable(source, name: "x", model, chunk: lineBuffered ? 1 : chunk)
    try pipeline.run(&table, showsProgress: progress)
    if let note = masses?.note { Console.note("\(input): \(note)") }
    let warning = pipeline.bad.firstWithoutSample.map {
      "\(input): row \($0): none of the \(box.massDraws) samples for its context is inside --within, so its "
        + "density is not known: NaN (\(pipeline.bad.withoutSample) such rows); raise --mass-draws"
    }
    return RowSummary(
      text: "scored \(table.source.done) rows" + box.text(of: mass) + (masses?.text ?? "")
        + (model.hasEstimate ? "; the density is an estimate, see --probe-seed" : ""),
      isAnswer: mass != nil || model.hasEstimate, rows: table.source.done,
      bad: pipeline.bad, path: input,
      warnings: table.source.warnings + (warning.map { [$0] } ?? []),
      members: members + (masses?.members ?? [])
        + (model.hasEstimate ? [("density", .string("estimate"))] : []))
  }

  /// Reads past the rows of an earlier run, and counts the bad ones among them.
  private func pass<Number: RowNumber>(
    _ writer: ResumableNPYWriter, _ source: inout RowSource<Number>,
    _ pipeline: inout RowPipeline<Number>
  ) throws {
    while source.done < writer.resumed {
      let first = source.done
      guard let part = try source.next(min(writer.resumed - first, chunk)) else {
        throw FileError.mismatch(
          path: input, found: "\(source.done) rows",
          expected: "\(writer.resumed) or more, which an earlier run scored")
      }
      let values = try writer.earlier(from: first, count: part.rows)
      pipeline.count(earlier: values, number: part.number, isFinite: part.isFinite)
    }
  }

  /// What the result depends on, for an interrupted run to be known again.
  private func fingerprint(_ type: RowType) -> String {
    ([model] + inputs).map(Self.identity).joined(separator: " ")
      + " \(type) \(tables.identity)"
      + (cells.cellPoints == 256 ? "" : " cells \(cells.cellPoints)")
      + (probeSeed.map { " probes \($0)" } ?? "")
      + (box.within.map { " within \($0) \(box.massDraws) \(box.massSeed)" } ?? "")
  }

  /// What identifies a file beside its name: its size and the time it was last changed.
  private static func identity(_ path: String) -> String {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    let size = (attributes?[.size] as? NSNumber)?.int64Value ?? 0
    let time = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
    return "\(path) \(size) \(time)"
  }
}
