import ArgumentParser
import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// `flowir transform`.
struct Transform: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write z = f(x), or x = f⁻¹(z), and its log|det J|.",
    discussion: """
      Rows are streamed. A row with NaN or infinity in it, or in its context, becomes NaN and is \
      counted.

      EXAMPLE: flowir transform model.safetensors --input x.npy --output z.npy --ladj ladj.npy
      """)

  @Argument(help: "The model file, or a compiled .so.") var model: String
  @Option(name: [.customLong("input"), .customLong("data")], help: "The rows to transform.")
  var input: String
  @Option(help: "The context of each row.") var context: String?
  @Flag(help: "Apply the inverse.") var inverse = false
  @Option(help: "Where to write the transformed rows.") var output: String
  @Option(help: "Where to write the log-determinants.") var ladj: String?
  @Flag(help: "Show progress although standard error is not a terminal.") var progress = false
  @OptionGroup var tables: TableFlags
  @OptionGroup var options: CommonOptions

  func validate() throws { try options.check(outputs: [output, ladj]) }

  func run() throws {
    let outputs = Outputs(inputs: [model, input] + (context.map { [$0] } ?? []))
    let places = try [output, ladj].map { path throws(FileError) in
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
    let rowType: RowType = Number.self == Double.self ? .f64 : .f32
    var source = try RowSource<Number>(
      model: model, input: input, context: context, flags: tables)
    let function = try model.function(inverse ? .inverse : .transform, options)
    let (from, to) = inverse ? ("z", "x") : ("x", "z")
    var results: [RowResult] = []
    for (place, (name, columns)) in zip(places, [(to, model.features), ("ladj", 1)]) {
      guard let place else { continue }
      let writer = try createRows(
        place, columns: name == to ? columns : nil, type: rowType)
      results.append(RowResult(name: name, columns: columns, writer: writer))
    }
    var pipeline = RowPipeline<Number>(function, results, threads: options.threads)
    var bar = RowProgress(total: source.rowCount, isForced: progress)
    while let part = try source.next(65536) {
      try pipeline.process(
        part.inputs(from, features: model.features, context: model.context), rows: part.rows,
        isFinite: part.isFinite, number: part.number)
      bar.show(source.done)
    }
    bar.clear()
    for result in results { try result.writer.finish() }
    try outputs.commit()
    for text in source.warnings { Console.warn(text) }
    if let text = pipeline.bad.warning(path: input) { Console.warn(text) }
    let seconds = Date().timeIntervalSince(start)
    try options.summary(
      [("rows", .integer(source.done))] + pipeline.bad.members + [("seconds", .number(seconds))],
      "transformed \(source.done) rows in \(Format.seconds(seconds))" + pipeline.bad.text)
  }
}
