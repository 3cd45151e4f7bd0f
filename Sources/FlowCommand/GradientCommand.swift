import ArgumentParser
import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// `flowir gradient`.
struct Gradient: RowCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the loss and its gradient with respect to parameters, x and context.",
    discussion: """
      The loss is the mean of -log p over the rows whose density is finite. A row with NaN or \
      infinity in it, or in its context, has no part in the loss; its own gradient is NaN, and it is \
      counted. A compiled flow gives the loss and the gradients with respect to x and context alone.

      EXAMPLE: flowir gradient model.safetensors --input x.npy --output gradient.safetensors
      """)

  @Argument(help: "The model file, or a compiled .so.") var model: String
  @Option(name: [.customLong("input"), .customLong("data")], help: "The rows.")
  var input: String
  @Option(help: "The context of each row.") var context: String?
  @Option(help: "Where to write the loss and the gradients.") var output: String
  @OptionGroup var tables: TableFlags
  @OptionGroup var options: CommonOptions

  var inputs: [String] { [input] + [context].compactMap { $0 } }

  func open(_ outputs: Outputs) throws -> OutputFile { try outputs.open(output) }

  func process<Number: RowNumber>(
    _ model: AnyModel, into output: OutputFile, as type: Number.Type
  ) throws -> RowSummary {
    var source = try RowSource<Number>(
      model: model, input: input, context: context, flags: tables)
    var rows = FiniteRows<Number>(features: model.features, context: model.context)
    while let part = try source.next(Self.chunk) { rows.append(part) }
    let results = try gradients(type, source.model, rows)
    var file = SafetensorsFile()
    for (key, array) in results.sorted(by: { $0.key < $1.key }) {
      let name = key.hasPrefix("grad.") ? String(key.dropFirst(5)) : key
      let isOfRows = name == "x" || name == "context"
      let whole = isOfRows ? rows.spread(Number.values(of: array)) : Number.values(of: array)
      let shape = isOfRows ? [source.done] + array.shape.dropFirst() : array.shape
      if isOfRows, name == "x" { rows.count(nanIn: whole, columns: model.features) }
      file[name] =
        (whole as? [Double]).map { StoredTensor($0, shape: shape) }
        ?? StoredTensor(whole.map { Float($0) }, shape: shape)
    }
    try file.write(to: output)
    let loss = results["loss"]?.doubles.first ?? .nan
    return RowSummary(
      text: "loss \(Format.nats(loss)) over \(source.done) rows", rows: source.done, bad: rows.bad,
      path: input, warnings: source.warnings, members: [("loss", .number(loss))])
  }

  private func gradients<Number: RowNumber>(
    _ type: Number.Type, _ model: AnyModel, _ rows: FiniteRows<Number>
  ) throws -> [String: HostArray] {
    switch model {
    case .model(let model):
      let function = try model.gradientFunction(dtype: Number.precision.dtype)
      return try compile(function, model)(rows.inputs, rows: rows.count, threads: options.threads)
    case .compiled(let flow):
      let found = try flow.function(.logProbGradient)(
        rows.inputs, rows: rows.count, threads: options.threads)
      return Self.lossGradients(type, found)
    }
  }

  /// The loss and its gradients, from each row's log-density and the gradients of that.
  private static func lossGradients<Number: RowNumber>(
    _ type: Number.Type, _ found: [String: HostArray]
  ) -> [String: HostArray] {
    let logProb = found["log_prob"]?.doubles ?? []
    let finite = logProb.map(\.isFinite)
    let count = Double(finite.count { $0 })
    let total = zip(logProb, finite).reduce(0) { $0 + ($1.1 ? $1.0 : 0) }
    var results = ["loss": Number.array([Number(-total / count)], shape: [])]
    for name in ["grad.x", "grad.context"] {
      guard let gradient = found[name] else { continue }
      let columns = gradient.shape[1]
      let values = gradient.doubles.enumerated().map { index, value in
        finite[index / columns]
          ? Number(-value / count) : logProb[index / columns].isNaN ? Number.nan : 0
      }
      results[name] = Number.array(values, shape: gradient.shape)
    }
    return results
  }
}
