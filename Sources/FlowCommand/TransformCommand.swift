import ArgumentParser
import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// `flowir transform`.
struct Transform: RowCommand {
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

  var inputs: [String] { [input] + [context].compactMap { $0 } }

  func open(_ outputs: Outputs) throws -> [RowOutput?] { try outputs.openRows([output, ladj]) }

  func process<Number: RowNumber>(
    _ model: AnyModel, into places: [RowOutput?], as type: Number.Type
  ) throws -> RowSummary {
    let source = try RowSource<Number>(
      model: model, input: input, context: context, flags: tables, isOfData: !inverse)
    let centre = inverse ? RowResult.centre(of: model, as: type) : nil
    let function = try source.model.centred(features: centre != nil, context: false)
      .function(inverse ? .inverse : .transform, options)
    let (from, to) = inverse ? ("z", "x") : ("x", "z")
    var results = try RowResult.list(
      places, [(to, columns: model.features), ("ladj", columns: nil)], as: type, centre: centre)
    for index in results.indices where results[index].name == "x" {
      results[index].bounds = model.bounds
    }
    var pipeline = RowPipeline<Number>(function, results, threads: options.threads)
    var table = RowTable(source, name: from, model, chunk: Self.chunk)
    try pipeline.run(&table, showsProgress: progress)
    return RowSummary(
      text: "transformed \(table.source.done) rows", rows: table.source.done, bad: pipeline.bad,
      path: input, warnings: table.source.warnings)
  }
}
