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
      EXAMPLE: flowir transform model.safetensors --input x.npy --output z.npy --ladj ladj.npy
      """)

  @Argument(help: "The model file, or a compiled .so.") var model: String
  @Option(help: "The rows to transform.") var input: String
  @Option(help: "The context of each row.") var context: String?
  @Flag(help: "Apply the inverse.") var inverse = false
  @Option(help: "Where to write the transformed rows.") var output: String
  @Option(help: "Where to write the log-determinants.") var ladj: String?
  @OptionGroup var options: CommonOptions

  func run() throws {
    let start = Date()
    let model = try AnyModel(path: model)
    let precision = try model.precision(options, path: self.model)
    var rows = try PairedRows(model: model, input: input, context: context)
    let function = try model.function(inverse ? .inverse : .transform, options)
    let writer = try createRows(output, columns: model.features, type: precision.rowType)
    let ladjWriter = try ladj.map {
      try createRows($0, columns: nil, type: precision.rowType)
    }
    let (from, to) = inverse ? ("z", "x") : ("x", "z")
    while let part = try rows.next(65536) {
      var inputs = [from: hostArray(part.x, part.rows, model.features, precision)]
      if model.context > 0 {
        inputs["context"] = hostArray(part.context, part.rows, model.context, precision)
      }
      let results = try function(inputs, rows: part.rows, firstRow: 0, threads: options.threads)
      var values = results[to]?.doubles ?? []
      var determinants = results["ladj"]?.doubles ?? []
      let finite = finiteRows(part.x, columns: model.features)
      for row in finite.indices where !finite[row] {
        for column in 0..<model.features { values[row * model.features + column] = .nan }
        determinants[row] = .nan
      }
      try writer.write(values)
      try ladjWriter?.write(determinants)
    }
    try writer.finish()
    try ladjWriter?.finish()
    let seconds = Date().timeIntervalSince(start)
    options.summary(
      [("rows", .integer(rows.done)), ("seconds", .number(seconds))],
      "transformed \(rows.done) rows in \(Format.seconds(seconds))")
  }
}

/// `flowir gradient`.
struct Gradient: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the loss and its gradient with respect to parameters, x and context.",
    discussion: """
      The loss is the mean of -log p over the rows whose density is finite. A compiled flow gives \
      the loss and the gradients with respect to x and context alone.

      EXAMPLE: flowir gradient model.safetensors --input x.npy --output gradient.safetensors
      """)

  @Argument(help: "The model file, or a compiled .so.") var model: String
  @Option(help: "The rows.") var input: String
  @Option(help: "The context of each row.") var context: String?
  @Option(help: "Where to write the loss and the gradients.") var output: String
  @OptionGroup var options: CommonOptions

  func run() throws {
    let model = try AnyModel(path: model)
    let precision = try model.precision(options, path: self.model)
    var rows = try PairedRows(model: model, input: input, context: context)
    var x: [Double] = []
    var conditions: [Double] = []
    while let part = try rows.next(65536) {
      x += part.x
      conditions += part.context
    }
    var inputs = ["x": hostArray(x, rows.done, model.features, precision)]
    if model.context > 0 {
      inputs["context"] = hostArray(conditions, rows.done, model.context, precision)
    }
    let results = try gradients(model, inputs, rows: rows.done, precision)
    var file = SafetensorsFile()
    for (key, array) in results.sorted(by: { $0.key < $1.key }) {
      let name = key.hasPrefix("grad.") ? String(key.dropFirst(5)) : key
      switch array.storage {
      case .float64(let values): file[name] = StoredTensor(values, shape: array.shape)
      default: file[name] = StoredTensor(array.floats, shape: array.shape)
      }
    }
    try file.write(to: output)
    let loss = results["loss"]?.doubles.first ?? .nan
    options.summary(
      [("rows", .integer(rows.done)), ("loss", .number(loss))],
      "loss \(Format.nats(loss)) over \(rows.done) rows")
  }

  private func gradients(
    _ model: AnyModel, _ inputs: [String: HostArray], rows: Int, _ precision: Precision
  ) throws -> [String: HostArray] {
    switch model {
    case .model(let model):
      let function = try model.gradientFunction(dtype: precision.dtype)
      return try compile(function, model)(inputs, rows: rows, threads: options.threads)
    case .compiled(let flow):
      let found = try flow.function(.logProbGradient)(
        inputs, rows: rows, threads: options.threads)
      return Self.lossGradients(found, rows: rows, precision)
    }
  }

  /// The loss and its gradients, from each row's log-density and the gradients of that.
  private static func lossGradients(
    _ found: [String: HostArray], rows: Int, _ precision: Precision
  ) -> [String: HostArray] {
    let logProb = found["log_prob"]?.doubles ?? []
    let finite = logProb.map(\.isFinite)
    let count = Double(max(finite.count { $0 }, 1))
    let total = zip(logProb, finite).reduce(0) { $0 + ($1.1 ? $1.0 : 0) }
    func array(_ values: [Double], _ shape: [Int]) -> HostArray {
      precision == .f64
        ? HostArray(values, shape: shape) : HostArray(values.map { Float($0) }, shape: shape)
    }
    var results = ["loss": array([-total / count], [])]
    for name in ["grad.x", "grad.context"] {
      guard let gradient = found[name] else { continue }
      let columns = gradient.shape[1]
      let values = gradient.doubles.enumerated().map { index, value in
        finite[index / columns] ? -value / count : 0
      }
      results[name] = array(values, gradient.shape)
    }
    return results
  }
}
