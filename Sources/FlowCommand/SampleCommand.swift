import ArgumentParser
import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// `flowir sample`.
struct Sample: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw samples.",
    discussion: """
      With a context of one row, N samples for that row; with M rows, N for each, in their order. \
      The same seed gives the same bytes at any number of threads. Samples for a context with NaN or \
      infinity are NaN and are counted.

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

  func run() throws {
    let outputs = Outputs(inputs: [model] + (context.map { [$0] } ?? []))
    let places = try [output, logProb].map { path throws(FileError) in
      try path.map { path throws(FileError) in try outputs.openRows(path) }
    }
    let model = try AnyModel(path: model)
    switch try model.precision(options, path: self.model) {
    case .f32: try run(Float.self, model, outputs, places)
    case .f64: try run(Double.self, model, outputs, places)
    }
  }

  private func run<Number: RowNumber>(
    _ type: Number.Type, _ model: AnyModel, _ outputs: Outputs, _ places: [RowOutput?]
  ) throws {
    let start = Date()
    let contexts = try SampleContexts<Number>(
      model: model, path: self.model, context: context, options: tables.context)
    // Contexts are in memory, so their number is small; that of rows need not be.
    guard let total = Checked.product(rows, contexts.count),
      let bytes = Checked.product(total, model.features, 8), bytes < Int.max / 2
    else {
      throw ValidationError(
        "\(rows) rows for each of \(contexts.count) contexts are more than a file can hold")
    }
    let rowType: RowType = Number.self == Double.self ? .f64 : .f32
    let sampler = try model.function(.sample, options, sharedContext: contexts.count == 1)
    var results: [RowResult] = []
    for (place, (name, columns)) in zip(places, [("x", model.features), ("log_prob", 1)]) {
      guard let place else { continue }
      let writer = try createRows(
        place, columns: name == "x" ? columns : nil, type: rowType)
      results.append(RowResult(name: name, columns: columns, writer: writer))
    }
    let seeds = [Int32(truncatingIfNeeded: seed), Int32(truncatingIfNeeded: seed >> 32)]
    var pipeline = RowPipeline<Number>(sampler, results, threads: options.threads)
    var bar = RowProgress(total: total, isForced: progress)
    var done = 0
    while done < total {
      let part = min(65536, total - done)
      let (array, isFinite) = contexts.rows(done..<done + part, each: rows)
      var inputs = ["seed": HostArray(seeds, shape: [2])]
      inputs["context"] = array
      let first = done
      try pipeline.process(
        inputs, rows: part, firstRow: first, isFinite: isFinite, number: { first + $0 + 1 })
      done += part
      bar.show(done)
    }
    bar.clear()
    for result in results { try result.writer.finish() }
    try outputs.commit()
    if let text = pipeline.bad.warning(path: output) { Console.warn(text) }
    let seconds = Date().timeIntervalSince(start)
    try options.summary(
      [("rows", .integer(total))] + pipeline.bad.members + [("seconds", .number(seconds))],
      "drew \(total) samples in \(Format.seconds(seconds))" + pipeline.bad.text)
  }
}

/// The contexts that samples are drawn for.
private struct SampleContexts<Number: RowNumber> {
  private let columns: Int
  private var values: [Number] = []
  private var isFinite: [Bool]?
  /// How many there are; 1 for a flow without context.
  private(set) var count = 1

  init(
    model: AnyModel, path modelPath: String, context path: String?, options: TableOptions
  ) throws {
    columns = model.context
    guard let path else {
      guard model.context == 0 else {
        throw FileError.mismatch(
          path: modelPath, found: "no context",
          expected: "--context with \(model.context) columns, since the flow is conditional")
      }
      return
    }
    guard model.context > 0 else {
      throw FileError.mismatch(
        path: path, found: "a context", expected: "none, since the flow is unconditional")
    }
    let reader = try openTable(
      path, columns: model.context, "context features", options: options)
    for notice in reader.notices { Console.note("\(path): \(notice)") }
    while true {
      let part = try Number.read(reader, 65536)
      if part.isEmpty { break }
      values += part
    }
    guard !values.isEmpty else {
      throw FileError.mismatch(path: path, found: "0 rows", expected: "1 row or more")
    }
    count = values.count / columns
    isFinite = finiteRows(values, rows: count)
  }

  /// The contexts of some rows of the sample, `each` for a context, and which of them are finite.
  func rows(_ range: Range<Int>, each: Int) -> (HostArray?, isFinite: [Bool]?) {
    guard columns > 0 else { return (nil, nil) }
    if count == 1 {
      return (
        Number.array(values, shape: [columns]),
        isFinite.map { [Bool](repeating: $0[0], count: range.count) }
      )
    }
    var repeated: [Number] = []
    repeated.reserveCapacity(range.count * columns)
    for row in range {
      let place = row / each * columns
      repeated += values[place..<place + columns]
    }
    return (
      Number.array(repeated, shape: [range.count, columns]),
      isFinite.map { isFinite in range.map { isFinite[$0 / each] } }
    )
  }
}
