import FlowIR
import FlowRuntime
import Foundation

/// The working state of one fit.
struct FitSession {
  /// The model before training, with the first values of normalising layers.
  let model: Model
  /// Finds the statistics of normalising layers.
  private let statistics: LayerStatistics
  /// Those of the best parameters, and the first values of layers that are not trained.
  private var bestStatistics: [String: HostArray] = [:]
  let options: TrainingOptions
  let trainer: Trainer
  /// What epochs are judged by.
  private let judgement: CompiledFunction
  let training: TrainingRows
  let validation: RowSelection
  /// The rows on which epochs are judged: those held out, or else training rows.
  private let judging: RowSelection
  /// The training rows in which statistics of layers are found; none if there are no such layers.
  private let known: RowSelection
  let job: TrainingJob
  var best: [String: [Float]] = [:]
  var bestEpoch = 0
  private var isImproved = false
  var bestValidation = -Double.infinity

  init(
    model: Model, data: FitRows, validation judged: WeightedRows?, options: TrainingOptions
  ) throws {
    let split = try FitSplit(model, data, validation: judged, options)
    (training, validation) = (split.training, split.validation)
    judging =
      validation.rows.isEmpty ? try training.sample(training.mostInMemory, seed: 0) : validation
    let isWeighted = split.digests.weights != nil
    var normalised = model
    let first = try LayerStatistics(model, isFirst: true, isWeighted: isWeighted)
    statistics = try LayerStatistics(model, isFirst: false, isWeighted: isWeighted)
    known =
      first.isEmpty && statistics.isEmpty
      ? .none : try training.sample(LayerStatistics.mostRows, seed: 0)
    bestStatistics = try first.values(model, known, threads: options.threads)
    normalised.values.merge(bestStatistics) { $1 }
    self.model = normalised
    self.options = options
    job = TrainingJob(model: model, data: split.digests, validation: judged, options: options)
    trainer = try normalised.trainer(
      optimizer: options.optimizer, frozen: options.frozen, isWeighted: isWeighted,
      objective: options.objective, seed: options.seed,
      batch: options.batchSize(rows: training.count))
    judgement = try CompiledFunction(model.judgement(options.objective).optimized())
  }

  var bestValues: [String: HostArray] {
    var result = bestStatistics
    for parameter in trainer.parameters {
      if let values = best[parameter.name] {
        result[parameter.name] = HostArray(values, shape: parameter.shape)
      }
    }
    return result
  }

  /// The model with given parameters, and the running statistics of its layers under them.
  private func model(_ parameters: [String: [Float]]) throws -> Model {
    var model = model
    for parameter in trainer.parameters {
      if let new = parameters[parameter.name] {
        model.values[parameter.name] = HostArray(new, shape: parameter.shape)
      }
    }
    try model.values.merge(statistics.values(model, known, threads: options.threads)) { $1 }
    return model
  }

  /// Keeps the statistics of the best parameters.
  private mutating func keepStatistics() throws {
    guard !statistics.isEmpty else { return }
    try bestStatistics.merge(
      statistics.values(model(best), known, threads: options.threads)
    ) { $1 }
  }

  /// What rows are judged by under given parameters: their log-likelihoods, or those of the objective.
  private func score(
    _ selection: RowSelection, _ parameters: [String: [Float]], by function: CompiledFunction? = nil
  ) throws -> Likelihoods {
    let function = function ?? judgement
    let bound = try function.bind(model(parameters).values, threads: options.threads)
    return try score(selection, by: function, bound)
  }

  /// What all training rows come to under given parameters.
  private func scoreTraining(_ parameters: [String: [Float]]) throws -> LikelihoodTotal {
    let bound = try judgement.bind(model(parameters).values, threads: options.threads)
    var total = LikelihoodTotal()
    for block in 0..<training.blockCount {
      try total.add(score(training.block(block), by: judgement, bound, block: block))
    }
    return total
  }

  private func score(
    _ selection: RowSelection, by function: CompiledFunction, _ bound: BoundFunction,
    block: Int = 0
  ) throws -> Likelihoods {
    let count = selection.rows.count
    let batch = selection.batch(selection.rows[...], of: model, seed: options.seed)
    // The same numbers in every epoch, so that what differs is the parameters' doing.
    var inputs = ["seed": HostArray([Int32(truncatingIfNeeded: block), 0x6a75], shape: [2])]
    for (name, width) in [("x", model.features), ("context", model.context)] {
      if let values = batch[name] { inputs[name] = HostArray(values, shape: [count, width]) }
    }
    let results = try bound(inputs, rows: count, threads: options.threads)
    return Likelihoods(
      results[function.function.results[0].name]?.doubles ?? [], weights: selection.weights)
  }

  mutating func run(
    resume: TrainingCheckpoint?, checkpoint: (TrainingCheckpoint) throws -> Void,
    progress: (TrainingProgress) -> Void
  ) throws -> TrainingReport {
    var epoch = 0
    var bestLikelihoods = Likelihoods([])
    if let resume {
      try resume.check(job, parameters: trainer.parameters, options: options)
      trainer.restore(resume.state, steps: resume.steps)
      epoch = resume.epoch
      best = resume.best
      bestEpoch = resume.bestEpoch
      isImproved = bestEpoch > 0
      bestValidation = resume.bestValidation
      bestLikelihoods = try score(judging, best)
      try keepStatistics()
    } else {
      // An epoch must be better than the parameters that training began with.
      best = trainer.parameterValues
      bestLikelihoods = try score(judging, best)
      bestValidation = bestLikelihoods.mean
    }
    // What training began with; of a resumed run it is not known.
    let untrained = epoch == 0 ? bestLikelihoods : nil
    let start = Date()
    let first = epoch
    var last: Likelihoods?
    var lastCheckpoint = Date.distantPast
    while epoch < options.epochs {
      if let patience = options.patience, epoch - bestEpoch >= patience { break }
      var (failed, state) = try runEpoch(epoch, last: last, start: start, first: first, progress)
      epoch += 1
      // With too high a learning rate parameters may become infinite while the loss is not NaN.
      guard trainer.isFinite else {
        throw FlowError.diverged(epoch: epoch, batch: batchCount)
      }
      let parameters = trainer.parameterValues
      let current = try score(judging, parameters)
      if let failed, try !current.hasAny && !scoreTraining(parameters).hasAny {
        throw FlowError.diverged(epoch: epoch, batch: failed)
      }
      last = current
      let isBetter = current.isBetter(than: bestLikelihoods)
      // Training that changes little, or begins near the best, need not be better on these rows. Only what is
      // worse than the start by more than chance is refused.
      if isBetter || (bestEpoch == 0 && !current.isWorse(than: bestLikelihoods)) {
        isImproved = untrained.map(current.isBetter) ?? isImproved
        bestValidation = current.mean
        bestLikelihoods = current
        bestEpoch = epoch
        best = parameters
        try keepStatistics()
      }
      state.finished = EpochRecord(
        epoch: epoch, trainLogLikelihood: isMatching ? nil : -state.loss,
        validationLogLikelihood: validation.rows.isEmpty || isMatching ? nil : current.mean,
        trainMatchingLoss: isMatching ? state.loss : nil,
        validationMatchingLoss: validation.rows.isEmpty || !isMatching ? nil : -current.mean,
        validationRowsWithoutDensity: validation.rows.isEmpty ? 0 : current.missing,
        learningRate: options.rate(epoch: epoch - 1), isBest: bestEpoch == epoch,
        seconds: Date().timeIntervalSince(start))
      progress(state)
      if Date().timeIntervalSince(lastCheckpoint) >= options.checkpointInterval {
        try checkpoint(
          TrainingCheckpoint(
            epoch: epoch, steps: trainer.steps, state: trainer.state, best: best,
            bestEpoch: bestEpoch, bestValidation: bestValidation, job: job))
        lastCheckpoint = Date()
      }
    }
    let seconds = Date().timeIntervalSince(start)
    return try report(
      epochs: epoch,
      rowsPerSecond: Double((epoch - first) * training.count) / max(seconds, 1e-9))
  }

  private var isMatching: Bool { options.objective == .flowMatching }

  /// What the kept parameters came to.
  private func report(epochs: Int, rowsPerSecond: Double) throws -> TrainingReport {
    var train = try scoreTraining(best)
    var (scored, scoredHeld) = (training.count, validation)
    var held = validation.rows.isEmpty ? nil : try score(validation, best)
    var (loss, heldLoss): (Double?, Double?)
    if isMatching {
      (loss, heldLoss) = (-train.mean, held.map { -$0.mean })
      let logProb = try CompiledFunction(model.trace(.logProb).optimized())
      let some = try training.sample(Self.scoredRows, seed: options.seed)
      scored = some.rows.count
      scoredHeld = validation.sample(Self.scoredRows, seed: options.seed)
      train = LikelihoodTotal()
      train.add(try score(some, best, by: logProb))
      if held != nil { held = try score(scoredHeld, best, by: logProb) }
    }
    return TrainingReport(
      epochs: epochs, bestEpoch: bestEpoch, isImproved: isImproved,
      trainLogLikelihood: train.mean, validationLogLikelihood: held?.mean,
      trainRows: training.count, trainRowsScored: scored,
      trainRowsWithoutDensity: train.missing, validationRows: validation.rows.count,
      validationRowsScored: scoredHeld.rows.count,
      validationRowsWithoutDensity: held?.missing ?? 0, trainMatchingLoss: loss,
      validationMatchingLoss: heldLoss, rowsPerSecond: rowsPerSecond)
  }

  /// The largest number of rows whose log-densities are found after flow matching.
  private static let scoredRows = 10_000

  private var batchSize: Int { options.batchSize(rows: training.count) }
  private var batchCount: Int { (training.count + batchSize - 1) / batchSize }

  /// Runs the steps of an epoch, over every training row. A batch in which no row has a finite density
  /// makes no step.
  ///
  /// - Returns: if the epoch ended with such batches, the number of the first of them, from 1, else nil;
  ///   and the progress at the end.
  private func runEpoch(
    _ epoch: Int, last: Likelihoods?, start: Date, first: Int,
    _ progress: (TrainingProgress) -> Void
  ) throws -> (failed: Int?, end: TrainingProgress) {
    let (size, batches) = (batchSize, batchCount)
    var failed: Int?
    var total = 0.0
    var counted = 0.0
    func state(_ batch: Int, _ rows: Int) -> TrainingProgress {
      let done = (epoch - first) * training.count + rows
      return TrainingProgress(
        epoch: epoch + 1, epochs: options.epochs, batch: batch, batches: batches,
        objective: options.objective, loss: counted > 0 ? total / counted : .nan,
        validation: validation.rows.isEmpty ? nil : last?.mean,
        validationRowsWithoutDensity: validation.rows.isEmpty ? 0 : last?.missing ?? 0,
        rowsPerSecond: Double(done) / max(Date().timeIntervalSince(start), 1e-9),
        rowsPerBatch: Double(size))
    }
    // The order depends on seed and epoch alone, so that an interrupted run can be continued.
    var pools = training.pools(
      batch: size, seed: options.seed &+ 0x9e37 &* UInt64(epoch + 1))
    var (batch, done) = (0, 0)
    while let (pool, order) = try pools.next() {
      for start in stride(from: 0, to: order.count, by: size) {
        try Task.checkCancellation()
        let rows = order[start..<min(start + size, order.count)]
        let loss = try trainer.step(
          pool.batch(rows, of: model, seed: options.seed, epoch: epoch + 1), rows: rows.count,
          learningRate: options.rate(epoch: epoch), threads: options.threads)
        batch += 1
        done += rows.count
        if loss.isNaN {
          trainer.undoStep()
          guard counted > 0 || batch < batches, trainer.isFinite else {
            throw FlowError.diverged(epoch: epoch + 1, batch: failed ?? batch)
          }
          failed = failed ?? batch
        } else {
          failed = nil
          let weight = pool.weight(rows)
          total += Double(loss) * weight
          counted += weight
        }
        if batch % 8 == 0 || batch == batches { progress(state(batch, done)) }
      }
    }
    return (failed, state(batches, training.count))
  }
}
