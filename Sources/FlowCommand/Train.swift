import ArgumentParser
import FlowFiles
import Flows
import Foundation

/// `flowir train`.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fit a flow by maximum likelihood.",
    discussion: """
      Keeps the parameters that were best on the validation rows and prints the mean \
      log-likelihoods in nats. Splines live on [-5, 5]: standardise the data first.

      EXAMPLE: flowir train --flow NSF --features 5 --data x.npy --output model.safetensors
      """)

  @Option(help: "The kind of flow (MAF, NSF, NCSF, NICE, RealNVP, …).") var flow: String?
  @Option(help: "The number of features.") var features: Int?
  @Option(help: "The number of context features.") var context = 0
  @Option(help: "A flow description as JSON, instead of --flow and --features.")
  var config: String?
  @Option(help: "The training rows.") var data: String
  @Option(name: .customLong("context-data"), help: "The context of each training row.")
  var contextData: String?
  @Option(help: "Where to write the model.") var output: String
  @Option(help: "How many times to go through the data.") var epochs = 100
  @Option(name: .customLong("batch-size"), help: "Rows in a step.") var batchSize = 512
  @Option(name: .customLong("learning-rate"), help: "Adam's learning rate.")
  var learningRate = 1e-3
  @Option(help: "How the learning rate changes: constant, cosine or step.")
  var schedule: TrainingOptions.Schedule = .constant
  @Option(name: .customLong("weight-decay"), help: "Decoupled weight decay (AdamW).")
  var weightDecay = 0.0
  @Option(name: .customLong("clip-norm"), help: "The largest norm of the gradient.")
  var clipNorm: Double?
  @Option(help: "The share of rows to hold out.") var validation = 0.1
  @Option(help: "Stop after this many epochs without a better validation likelihood.")
  var patience: Int?
  @Option(help: "The seed of parameters, split and shuffles.") var seed: UInt64 = 0
  @Flag(help: "Go on with a run that was interrupted.") var resume = false
  @Flag(help: "Show progress although standard error is no terminal.") var progress = false
  @OptionGroup var options: CommonOptions

  func validate() throws {
    if config == nil, flow == nil || features == nil {
      throw ValidationError("give --flow and --features, or --config")
    }
    if config != nil, flow != nil { throw ValidationError("give --flow or --config, not both") }
    if epochs < 1 || batchSize < 1 {
      throw ValidationError("--epochs and --batch-size must be 1 or more")
    }
    if !(0..<1).contains(validation) {
      throw ValidationError("--validation must be at least 0 and below 1")
    }
    if !(learningRate > 0) { throw ValidationError("--learning-rate must be positive") }
    if options.dtype == .f64 { throw ValidationError("training computes in f32") }
  }

  private func description() throws -> FlowDescription {
    if let config {
      guard let bytes = FileManager.default.contents(atPath: config) else {
        throw FileError.system(path: config, action: "read", reason: "no such file")
      }
      do {
        return try FlowDescription(JSONValue.parse(bytes))
      } catch let error as JSONError {
        throw FileError.malformed(path: config, offset: error.offset, reason: error.reason)
      }
    }
    var members: [JSONValue.Member] = [
      .init("type", .string(flow ?? "")), .init("features", .integer(features ?? 0)),
    ]
    if context > 0 { members.append(.init("context", .integer(context))) }
    return try FlowDescription(.object(members))
  }

  private func readAll(
    _ path: String, columns: Int, what: String
  ) throws -> (values: [Float], rows: Int) {
    let reader = try openRows(path)
    guard reader.columns == columns else {
      throw FileError.mismatch(
        path: path, found: "\(reader.columns) columns", expected: "\(columns) \(what)")
    }
    var values: [Float] = []
    while true {
      let part = try reader.readFloats(65536)
      if part.isEmpty { break }
      values += part
    }
    if let bad = values.firstIndex(where: { !$0.isFinite }) {
      throw FileError.badRow(
        path: path, row: bad / columns + 1,
        reason: "column \(bad % columns + 1) is \(values[bad]); training needs finite numbers")
    }
    return (values, values.count / columns)
  }

  func run() throws {
    var model = try Model(description(), seed: seed)
    let x = try readAll(data, columns: model.features, what: "features")
    var conditions: (values: [Float], rows: Int) = ([], x.rows)
    if model.context > 0 {
      guard let contextData else {
        throw FileError.mismatch(
          path: data, found: "no context", expected: "--context-data, since the flow is conditional"
        )
      }
      conditions = try readAll(contextData, columns: model.context, what: "context features")
      guard conditions.rows == x.rows else {
        throw FileError.mismatch(
          path: contextData, found: "\(conditions.rows) rows",
          expected: "\(x.rows) rows, as in \(data)")
      }
    }
    // An output that can't be written is better known before the training than after it.
    try AtomicFile(output).discard()
    var training = TrainingOptions()
    training.epochs = epochs
    training.batchSize = batchSize
    training.learningRate = learningRate
    training.schedule = schedule
    training.validation = validation
    training.patience = patience
    training.seed = seed
    training.threads = options.threads
    training.optimizer.weightDecay = weightDecay
    training.optimizer.clipNorm = clipNorm
    let sidecar = output + ".training"
    let known =
      resume && FileManager.default.fileExists(atPath: sidecar)
      ? try TrainingCheckpoint(path: sidecar) : nil
    let line = ProgressLine(isShown: progress || isatty(2) == 1)
    let report = try model.fit(
      x.values, context: conditions.values, options: training, resume: known,
      checkpoint: { try $0.save(to: sidecar) }, progress: { line.show($0) })
    line.clear()
    try model.save(to: output)
    try? FileManager.default.removeItem(atPath: sidecar)
    if options.json {
      options.summary(
        [
          ("epochs", .integer(report.epochs)), ("best_epoch", .integer(report.bestEpoch)),
          ("train_log_likelihood", .number(report.trainLogLikelihood)),
          (
            "validation_log_likelihood", report.validationLogLikelihood.map { .number($0) } ?? .null
          ),
          ("rows_per_second", .number(report.rowsPerSecond)),
        ], "")
    } else {
      print("epochs                    \(report.epochs) (best \(report.bestEpoch))")
      print("train log-likelihood      \(Format.nats(report.trainLogLikelihood))")
      if let held = report.validationLogLikelihood {
        print("validation log-likelihood \(Format.nats(held))")
      }
    }
  }
}

extension TrainingOptions.Schedule: ExpressibleByArgument {}
