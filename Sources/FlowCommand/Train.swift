import ArgumentParser
import FlowFiles
import Flows
import Foundation

/// `flowir train`.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fit a flow by maximum likelihood, or by flow matching.",
    discussion: """
      Keeps the parameters that were best on the validation rows and prints the mean \
      log-likelihoods in nats. The flow begins with (x - centre) / scale of each column, found in the \
      data, and so does the net of the context; densities are those of the data as they are given. \
      Features with a period (--circular) are turned to angles instead. \
      Discrete features (--discrete) get noise that is uniform over their cells, new in each epoch, and \
      log-likelihoods are of rows with such noise; score gives the log of a cell's mass, and sample rounds. \
      Angles of NCSF and flows of custom parts stay as they are. With --objective flow-matching, for CNF, \
      epochs are judged by the matching loss, the mean of |v - (z - x)|^2 over straight paths from rows to \
      the base, and log-likelihoods are found at the end, of at most 10,000 rows. If no epoch is better than the \
      untrained flow, no model is written, and the exit status is 1.

      EXAMPLE: flowir train --flow NSF --features 5 --data x.npy --output model.safetensors
      """)

  @Option(help: "The kind of flow (MAF, NSF, NCSF, NICE, RealNVP, …), in any case.")
  var flow: String?
  @Option(
    parsing: .unconditional,
    help: "The number of features; that of the data's columns if left out.",
    transform: Parse.integer(from: 1, to: 100_000))
  var features: Int?
  @Option(
    parsing: .unconditional,
    help: "The number of context features; that of the columns of --context-data if left out.",
    transform: Parse.contextCount)
  var context: Int?
  @Option(
    name: .customLong("set"),
    help: "An argument of the flow, such as --set bins=16 or --set hidden_features=[64,64].")
  var arguments: [String] = []
  @Option(help: "A flow description as JSON, instead of --flow and --features.")
  var config: String?
  @Option(
    help: ArgumentHelp(
      "A model to go on from, in its architecture, units and columns, instead of --flow.",
      valueName: "model"))
  var from: String?
  @Option(name: [.customLong("data"), .customLong("input")], help: "The training rows.")
  var data: String
  @Option(name: .customLong("context-data"), help: "The context of each training row.")
  var contextData: String?
  @Option(
    help: "The weight of each training row: one column of numbers, 0 or more; 2 counts a row twice."
  )
  var weights: String?
  @OptionGroup var judged: ValidationFlags
  @OptionGroup var units: UnitFlags
  @OptionGroup var limits: BoundFlags
  @OptionGroup var circles: CircularFlags
  @OptionGroup var grids: DiscreteFlags
  @OptionGroup var tails: BaseFlags
  @Option(help: "Where to write the model.") var output: String
  @Option(
    help: ArgumentHelp(
      "What is made small: likelihood, or flow-matching for CNF, whose steps are far cheaper."))
  var objective: TrainingObjective = .likelihood
  @Option(
    parsing: .unconditional,
    help: "How many times to go through the data.", transform: Parse.integer(from: 1, to: 1 << 31))
  var epochs = 100
  @Option(
    name: .customLong("batch-size"), parsing: .unconditional,
    help: "Rows in a step; 64 for small data to 512 for large if left out.",
    transform: Parse.integer(from: 1, to: 1 << 31))
  var batchSize: Int?
  @Option(
    name: .customLong("learning-rate"), parsing: .unconditional,
    help: "Adam's learning rate at the start; 0.002 if left out.",
    transform: Parse.number(.above(0, to: 1e6)))
  var learningRate = TrainingOptions().learningRate
  @Option(help: "How the learning rate changes: constant, cosine or step.")
  var schedule = TrainingOptions().schedule
  @Option(
    name: .customLong("weight-decay"), parsing: .unconditional,
    help: "Decoupled weight decay (AdamW).",
    transform: Parse.number(.from(0, to: 1e6)))
  var weightDecay = 0.0
  @Option(
    name: .customLong("clip-norm"), parsing: .unconditional,
    help: "The largest norm of the gradient.",
    transform: Parse.number(.above(0, to: 1e30)))
  var clipNorm: Double?
  @Option(
    parsing: .unconditional,
    help: "Stop after this many epochs without a better validation likelihood.",
    transform: Parse.integer(from: 1, to: 1 << 31))
  var patience: Int?
  @Option(
    parsing: .unconditional, help: "The seed of parameters, split and shuffles.",
    transform: Parse.seed)
  var seed: UInt64 = 0
  @Option(help: "Where to write a line of JSON for each epoch, for plot; written as training goes.")
  var log: String?
  @Flag(help: "Go on with a run that was interrupted.") var resume = false
  @Flag(help: "Show progress although standard error is not a terminal.") var progress = false
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The memory that rows may take, such as 8G; .npy files that need more are streamed. Three quarters of the "
        + "machine's or container's if left out.", valueName: "bytes"),
    transform: Parse.bytes)
  var memory: Int?
  @OptionGroup var tables: TableFlags
  @OptionGroup var options: CommonOptions

  func validate() throws {
    try checkStart()
    if let flow { _ = try FlowArguments.type(flow) }
    for text in arguments { _ = try FlowArguments.member(text) }
    try judged.check()
    if log == output { throw ValidationError("--log and --output are the same file; name two") }
    try units.check()
    if options.dtype == .f64 { throw ValidationError("training computes in f32") }
  }

  func run() throws {
    let sidecar = output + ".training"
    let outputs = Outputs(
      inputs: [data] + [contextData, weights, config, from].compactMap { $0 } + judged.paths)
    let file = try outputs.open(output)
    try outputs.check(sidecar)
    if let log { try outputs.check(log) }
    let given = try from.map { try Model.read($0) }
    let rows = try TrainingTables(
      data, context: contextData, weights: weights, tables: tables, trained: given?.columns,
      memory: memory)
    var (model, scan) = try given.map { try start(from: $0, rows) } ?? newModel(rows)
    let judging = try judged.rows(
      for: model, tables: tables, discrete: model.discrete, memory: memory)
    let known =
      resume && FileManager.default.fileExists(atPath: sidecar)
      ? try TrainingCheckpoint(path: sidecar) : nil
    if resume, known == nil {
      guard !FileManager.default.fileExists(atPath: output) else {
        throw FileError.system(
          path: output, action: "go on with it",
          reason: "it is a finished model, and no interrupted run of it is left; without --resume "
            + "training begins anew and replaces it")
      }
      Console.note(
        "no interrupted run of \(output) is left to go on with; training starts from the beginning")
    }
    let record = try log.map { try TrainingLogFile($0, keeping: known?.epoch ?? 0) }
    let line = ProgressLine(isShown: progress || isatty(2) == 1)
    let report: TrainingReport
    // Said once training begins, so that an error before that is the only line.
    var notes = scan.texts(model)
    var streaming =
      rows.isStreamed
      ? "\(data): rows are streamed, since they do not fit in the memory that they may take (--memory)"
      : nil
    let discreteNote = DiscreteFlags.note(model.discrete)
    do {
      report = try fit(
        &model, rows, judging, known, checkpoint: { try $0.save(to: sidecar) },
        progress: {
          if let text = streaming { Console.note(text) }
          for text in notes { Console.warn(text) }
          (notes, streaming) = ([], nil)
          line.show($0)
          record?.add($0)
        })
    } catch let error as TrainingMismatch {
      throw FileError.system(path: sidecar, action: "go on from it", reason: "\(error)")
    }
    line.clear()
    if let discreteNote { Console.note(discreteNote) }
    guard report.bestEpoch > 0 else {
      try? FileManager.default.removeItem(atPath: sidecar)
      throw FileError.system(
        path: output, action: "be written",
        reason: notBetter(report)
          + "; lower the learning rate, train for more epochs, or look for rows far "
          + "from the others")
    }
    if !report.isImproved {
      Console.warn(
        notBetter(report)
          + (from == nil
            ? "; train for more epochs, or look for rows outside of the flow's range"
            : "; lower the learning rate, or train for more epochs"))
    }
    try model.save(to: file)
    try outputs.commit()
    try? FileManager.default.removeItem(atPath: sidecar)
    warn(report)
    try summarize(report)
    try record?.finish()
  }

  /// Fits a model to rows in memory, or streams them.
  private func fit(
    _ model: inout Model, _ rows: TrainingTables, _ judging: WeightedRows?,
    _ known: TrainingCheckpoint?, checkpoint: (TrainingCheckpoint) throws -> Void,
    progress: (TrainingProgress) -> Void
  ) throws -> TrainingReport {
    let training = trainingOptions(model)
    if let file = rows.x.file {
      return try model.fit(
        files: file, context: rows.context?.file, weights: rows.weightTable?.file,
        judged: judging, options: training, resume: known, checkpoint: checkpoint,
        progress: progress)
    }
    var centred = model.centred()
    let report = try centred.fit(
      rows.x.loaded.values(model.rowUnits),
      context: rows.context?.loaded.values(model.contextUnits) ?? [], weights: rows.weights,
      validation: judging, options: training, resume: known, checkpoint: checkpoint,
      progress: progress)
    model.update(from: centred)
    return report
  }

  private func trainingOptions(_ model: Model) -> TrainingOptions {
    var training = TrainingOptions()
    training.objective = objective
    training.epochs = epochs
    training.batchSize = batchSize
    training.learningRate = learningRate
    training.schedule = schedule
    training.validation = judged.share
    training.patience = patience
    training.seed = seed
    training.threads = options.threads
    training.memory = memory
    // Epochs of small data take less than writing a state.
    training.checkpointInterval = 1
    if from == nil, units.standardize != false,
      model.units != nil || model.unboundedUnits != nil || model.contextUnits != nil
    {
      training.standardization = units.method
    }
    training.optimizer.weightDecay = weightDecay
    training.optimizer.clipNorm = clipNorm
    return training
  }
}

extension TrainingOptions.Schedule: ExpressibleByArgument {}
extension TrainingObjective: ExpressibleByArgument {}
