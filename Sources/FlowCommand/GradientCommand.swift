import ArgumentParser
import FlowFiles
import FlowRuntime
import Flows
import Foundation

/// `flowir gradient`.
struct Gradient: ParsableCommand {
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

  func run() throws {
    let outputs = Outputs(inputs: [model, input] + (context.map { [$0] } ?? []))
    let file = try outputs.open(output)
    let model = try AnyModel(path: model)
    switch try model.precision(options, path: self.model) {
    case .f32: try run(Float.self, model, outputs, file)
    case .f64: try run(Double.self, model, outputs, file)
    }
  }

  private func run<Number: RowNumber>(
    _ type: Number.Type, _ model: AnyModel, _ outputs: Outputs, _ output: OutputFile
  ) throws {
    var source = try RowSource<Number>(
      model: model, input: input, context: context, flags: tables)
    var rows = FiniteRows<Number>(features: model.features, context: model.context)
    while let part = try source.next(65536) { rows.append(part) }
    let results = try gradients(type, model, rows)
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
    try outputs.commit()
    for text in source.warnings { Console.warn(text) }
    if let text = rows.bad.warning(path: input) { Console.warn(text) }
    let loss = results["loss"]?.doubles.first ?? .nan
    try options.summary(
      [("rows", .integer(source.done))] + rows.bad.members + [("loss", .number(loss))],
      "loss \(Format.nats(loss)) over \(source.done) rows" + rows.bad.text)
  }

  private func gradients<Number: RowNumber>(
    _ type: Number.Type, _ model: AnyModel, _ rows: FiniteRows<Number>
  ) throws -> [String: HostArray] {
    let precision: Precision = Number.self == Double.self ? .f64 : .f32
    switch model {
    case .model(let model):
      let function = try model.gradientFunction(dtype: precision.dtype)
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

/// The rows whose inputs are finite, and which rows of the file they are.
private struct FiniteRows<Number: RowNumber> {
  private let features: Int
  private let columns: Int
  private var x: [Number] = []
  private var context: [Number] = []
  /// For each row of the file, its number, and whether it is among these.
  private var numbers: [(number: Int, isFinite: Bool)] = []
  private(set) var bad = BadRows()
  /// How many there are.
  private(set) var count = 0

  init(features: Int, context: Int) {
    self.features = features
    columns = context
  }

  var inputs: [String: HostArray] {
    var inputs = ["x": Number.array(x, shape: [count, features])]
    if columns > 0 { inputs["context"] = Number.array(context, shape: [count, columns]) }
    return inputs
  }

  mutating func append(_ part: RowChunk<Number>) {
    for row in 0..<part.rows {
      let isFinite = part.isFinite?[row] ?? true
      numbers.append((part.number(row), isFinite))
      if isFinite { count += 1 }
    }
    guard let isFinite = part.isFinite else {
      x += part.x
      context += part.context
      return
    }
    for row in 0..<part.rows where isFinite[row] {
      x += part.x[row * features..<(row + 1) * features]
      context += part.context[row * columns..<(row + 1) * columns]
    }
  }

  /// The numbers of these rows among those of all, which are NaN elsewhere.
  func spread(_ values: [Number]) -> [Number] {
    guard count < numbers.count, count > 0 || values.isEmpty else { return values }
    let width = count > 0 ? values.count / count : features
    var all = [Number](repeating: .nan, count: numbers.count * width)
    var from = 0
    for (row, entry) in numbers.enumerated() where entry.isFinite {
      for column in 0..<width { all[row * width + column] = values[from + column] }
      from += width
    }
    return all
  }

  /// Counts the rows with NaN among their gradients.
  mutating func count(nanIn values: [Number], columns: Int) {
    for (row, entry) in numbers.enumerated()
    where values[row * columns..<(row + 1) * columns].contains(where: \.isNaN) {
      bad.add(entry.number, isFinite: entry.isFinite)
    }
  }
}
