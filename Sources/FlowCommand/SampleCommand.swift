import ArgumentParser
import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// `flowir sample`.
struct Sample: RowCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw samples.",
    discussion: """
      With a context of one row, N samples for that row; with M rows, N for each, in their order. \
      The same seed gives the same bytes at any number of threads. Samples for a context with NaN or \
      infinity are NaN and are counted. Samples of a flow whose units need more digits than float32 has, \
      such as dates, are written in float64.

      EXAMPLE: flowir sample model.safetensors --rows 1e5 --seed 1 --output x.npy
      """)

  @Argument(help: "The model file, or a compiled .so.") var model: String
  @Option(
    parsing: .unconditional,
    help: "How many samples to draw (for each context), such as 5000 or 1e6.",
    transform: Parse.integer(from: 1, to: Parse.mostRows))
  var rows: Int
  @Option(help: "The contexts to draw for.") var context: String?
  @Option(parsing: .unconditional, help: "The seed of the random numbers.", transform: Parse.seed)
  var seed: UInt64 = 0
  @Option(help: "Where to write the samples.") var output: String
  @Option(name: .customLong("log-prob"), help: "Where to write their log-densities, in nats.")
  var logProb: String?
  @Flag(help: "Show progress although standard error is not a terminal.") var progress = false
  @OptionGroup var tables: TableFlags
  @OptionGroup var options: CommonOptions

  func validate() throws { try options.check(outputs: [output, logProb]) }

  var inputs: [String] { [context].compactMap { $0 } }

  func open(_ outputs: Outputs) throws -> [RowOutput?] { try outputs.openRows([output, logProb]) }

  func process<Number: RowNumber>(
    _ model: AnyModel, into places: [RowOutput?], as type: Number.Type
  ) throws -> RowSummary {
    let contexts = try SampleContexts<Number>(
      model: model, path: self.model, context: context, options: tables.context)
    // Contexts are in memory, so their number is small; that of rows need not be.
    guard let total = Checked.product(rows, contexts.count),
      let bytes = Checked.product(total, model.features, 8), bytes < Int.max / 2
    else {
      throw ValidationError(
        "\(rows) rows for each of \(contexts.count) contexts are more than a file can hold")
    }
    let centre = RowResult.centre(of: model, as: type)
    let sampler = try model.centred(features: centre != nil, context: contexts.isCentred)
      .function(.sample, options, sharedContext: contexts.count == 1)
    let results = try RowResult.list(
      places, [("x", columns: model.features), ("log_prob", columns: nil)], as: type,
      centre: centre)
    var pipeline = RowPipeline<Number>(sampler, results, threads: options.threads)
    var draws = SampleDraws(contexts, each: rows, total: total, seed: seed, chunk: Self.chunk)
    try pipeline.run(&draws, showsProgress: progress)
    return RowSummary(
      text: "drew \(total) samples", rows: total, bad: pipeline.bad, path: output)
  }
}
