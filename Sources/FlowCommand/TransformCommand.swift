import ArgumentParser
import FlowFiles
import Flows
import Foundation

/// `flowir transform`.
struct Transform: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write z = f(x), or x = f⁻¹(z), and its log|det J|.",
    discussion: """
      EXAMPLE: flowir transform model.safetensors --input x.npy --output z.npy --ladj ladj.npy
      """)

  @Argument(help: "The model file.") var model: String
  @Option(help: "The rows to transform.") var input: String
  @Option(help: "The context of each row.") var context: String?
  @Flag(help: "Apply the inverse.") var inverse = false
  @Option(help: "Where to write the transformed rows.") var output: String
  @Option(help: "Where to write the log-determinants.") var ladj: String?
  @OptionGroup var options: CommonOptions

  func run() throws {
    let start = Date()
    let model = try Model(path: model)
    var rows = try PairedRows(model: model, input: input, context: context)
    let function = try model.bound(inverse ? .inverse : .transform, options)
    let writer = try createRows(output, columns: model.features, type: options.dtype.rowType)
    let ladjWriter = try ladj.map {
      try createRows($0, columns: nil, type: options.dtype.rowType)
    }
    let (from, to) = inverse ? ("z", "x") : ("x", "z")
    while let part = try rows.next(65536) {
      var inputs = [from: hostArray(part.x, part.rows, model.features, options.dtype)]
      if model.context > 0 {
        inputs["context"] = hostArray(part.context, part.rows, model.context, options.dtype)
      }
      let results = try function(inputs, rows: part.rows, threads: options.threads)
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
      The loss is the mean of -log p over the rows whose density is finite.

      EXAMPLE: flowir gradient model.safetensors --input x.npy --output gradient.safetensors
      """)

  @Argument(help: "The model file.") var model: String
  @Option(help: "The rows.") var input: String
  @Option(help: "The context of each row.") var context: String?
  @Option(help: "Where to write the loss and the gradients.") var output: String
  @OptionGroup var options: CommonOptions

  func run() throws {
    let model = try Model(path: model)
    var rows = try PairedRows(model: model, input: input, context: context)
    var x: [Double] = []
    var conditions: [Double] = []
    while let part = try rows.next(65536) {
      x += part.x
      conditions += part.context
    }
    let function = try model.gradientFunction(dtype: options.dtype.dtype)
    let compiled = try compile(function, model)
    var inputs = ["x": hostArray(x, rows.done, model.features, options.dtype)]
    if model.context > 0 {
      inputs["context"] = hostArray(conditions, rows.done, model.context, options.dtype)
    }
    let results = try compiled(inputs, rows: rows.done, threads: options.threads)
    var file = SafetensorsFile()
    for result in function.results {
      guard let array = results[result.name] else { continue }
      let name =
        result.name.hasPrefix("grad.") ? String(result.name.dropFirst(5)) : result.name
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
}
