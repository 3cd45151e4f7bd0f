import ArgumentParser
import FlowCodegen
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

      Discrete columns (train --discrete) are rounded to the numbers of their grids; --log-prob has the density of \
      the numbers before that.

      With --within, samples are those of the flow within a box: each is the first of its candidates \
      that is inside, and depends on the seed and its number alone. A sample whose first --max-draws \
      candidates are outside is NaN and is counted. --log-prob has log p(x|c) - log P(box|c), and --mass \
      writes log P(box|c) and its standard error for each context.

      With --log-target, --weights has weights that make the samples those of a target: a model, or a file of \
      the logarithm of its density for each sample. Draw once, evaluate the target at the samples, and \
      draw again with the same seed. The summary says how many samples of the target they are worth (Kish), \
      and Pareto k; above 0.7 the weights can't be trusted.

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
  @OptionGroup var box: BoxFlags
  @Option(
    parsing: .unconditional,
    help: "With --within: the most candidates that are drawn for a sample.",
    transform: Parse.integer(from: 1, to: ArtifactSource.mostCandidates))
  var maxDraws = 10_000
  @Option(help: "With --within: where to write log P(box|c) and its standard error.")
  var mass: String?
  @OptionGroup var importance: ImportanceFlags
  @Flag(help: "Show progress although standard error is not a terminal.") var progress = false
  @OptionGroup var tables: TableFlags
  @OptionGroup var options: CommonOptions

  func validate() throws {
    try options.check(outputs: [output, logProb, mass, importance.weights])
    try importance.check()
    if mass != nil, box.within == nil {
      throw ValidationError("--mass is the probability of a box; name one by --within")
    }
  }

  var inputs: [String] { [context, importance.logTarget].compactMap { $0 } }

  func open(_ outputs: Outputs) throws -> [RowOutput?] {
    try outputs.openRows([output, logProb, mass, importance.weights])
  }

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
    let box = try box.box(of: model)
    let centred = model.centred(features: centre != nil, context: contexts.isCentred)
    let within = try box.map {
      try restricted(centred, to: $0, contexts, centre, mass: places[2])
    }
    let own: any RowFunction =
      try within?.sampler ?? centred.function(.sample, options, sharedContext: contexts.count == 1)
    let weigher = try importance.weigher(
      own, model, isCentred: centre != nil || contexts.isCentred, total: total, as: type)
    guard model.discrete.isEmpty || importance.logTarget == nil else {
      throw ValidationError("--log-target is not known for a flow of discrete columns")
    }
    var results = try RowResult.list(
      places, [("x", columns: model.features), ("log_prob", columns: nil)], as: type,
      centre: centre)
    let bounds = try BoxFlags.bounds(of: model, in: box)
    for index in results.indices where results[index].name == "x" {
      (results[index].discrete, results[index].bounds) = (model.discrete, bounds)
    }
    var pipeline = RowPipeline<Number>(weigher ?? own, results, threads: options.threads)
    var draws = SampleDraws(contexts, each: rows, total: total, seed: seed, chunk: Self.chunk)
    try pipeline.run(&draws, showsProgress: progress)
    let report = try weigher.map {
      try importance.finish($0, each: rows, into: places[3])
    }
    let warning = pipeline.bad.firstWithoutSample.map {
      "\(output): row \($0): none of its \(maxDraws) candidates is inside --within, so it is NaN "
        + "(\(pipeline.bad.withoutSample) such rows); raise --max-draws, or give a larger box"
    }
    return RowSummary(
      text: "drew \(total) samples" + (within?.text ?? "") + (report?.text ?? ""),
      isAnswer: within != nil || report != nil, rows: total,
      bad: pipeline.bad, path: output,
      warnings: (warning.map { [$0] } ?? []) + (report?.warnings ?? []),
      members: (within?.allMembers ?? []) + (report?.members ?? []))
  }

  /// The sampler of the flow within a box. What is known of the box's probability is written where that is
  /// wanted.
  private func restricted<Number: RowNumber>(
    _ model: AnyModel, to box: Bounds, _ contexts: SampleContexts<Number>, _ centre: [Double]?,
    mass place: RowOutput?
  ) throws -> WithinBox<Number> {
    let flow = try self.box.restricted(
      model, to: box, centre: centre, maxDraws: maxDraws, as: Number.self)
    let needsMass =
      contexts.count == 1 || logProb != nil || mass != nil || importance.logTarget != nil
    let masses = needsMass ? try flow.mass(context: contexts.table, threads: options.threads) : nil
    let one = masses.flatMap { $0.count == 1 && $0[0].inside != nil ? $0[0] : nil }
    let members = try one.map { try self.box.members(of: $0, path: self.model) } ?? []
    if let place, let masses {
      let writer = try createRows(place, columns: 2, type: .f64)
      try writer.write(masses.flatMap { [$0.log, $0.standardError] })
      try writer.finish()
    }
    return WithinBox(
      sampler: RestrictedSampler(flow, masses: masses, each: rows, seed: seed), members: members,
      massText: self.box.text(of: one))
  }
}

/// A sampler within a box, and what is known of the box.
private struct WithinBox<Number: RowNumber> {
  let sampler: RestrictedSampler<Number>
  let members: [(String, JSONValue)]
  let massText: String

  var text: String { sampler.text + massText }
  var allMembers: [(String, JSONValue)] { sampler.members + members }
}
