import FlowIR
import FlowRuntime
import Foundation

/// How a flow is fitted by maximum likelihood.
public struct TrainingOptions: Sendable {
  /// How the learning rate changes from epoch to epoch.
  public enum Schedule: String, Sendable, CaseIterable {
    /// The first rate in all epochs.
    case constant
    /// Half a cosine from the first rate to zero at the last epoch.
    case cosine
    /// A tenth of the rate for each third of the epochs that has passed.
    case step
  }

  /// How many times the training rows are gone through, at most.
  public var epochs = 100
  /// Rows in a step.
  public var batchSize = 512
  /// Adam's learning rate at the start.
  public var learningRate = 1e-3
  /// How the learning rate changes.
  public var schedule = Schedule.constant
  /// The share of rows that are held out; the parameters that are best on them are kept.
  public var validation = 0.1
  /// How many epochs without a better validation likelihood end the training; nil for never.
  public var patience: Int?
  /// Names of parameters, or of modules with all in them, that keep their values, such as
  /// `transform.transforms.0`.
  public var frozen: [String] = []
  /// Decides the split and the order of rows.
  public var seed: UInt64 = 0
  /// How many threads to use; one per processor if nil. The result does not depend on it.
  public var threads: Int?
  /// The optimizer.
  public var optimizer = AdamW()

  /// Makes options with the defaults above.
  public init() {}

  func rate(epoch: Int) -> Double {
    switch schedule {
    case .constant: return learningRate
    case .cosine:
      return learningRate * 0.5 * (1 + cosine(Double.pi * Double(epoch) / Double(max(epochs, 1))))
    case .step: return learningRate * power(0.1, Double(3 * epoch / max(epochs, 1)))
    }
  }
}

/// What training is doing: reported after every few batches and at the end of each epoch.
public struct TrainingProgress: Sendable {
  /// The epoch, from 1, and how many there are at most.
  public var epoch: Int
  /// How many epochs there are at most, or were run.
  public var epochs: Int
  /// The batches of this epoch that are done, and how many there are.
  public var batch: Int
  /// The batches of an epoch.
  public var batches: Int
  /// The mean of -log p over the epoch's batches so far, in nats.
  public var loss: Double
  /// The mean of log p over the validation rows after the last epoch, in nats.
  public var validation: Double?
  /// Training rows per second.
  public var rowsPerSecond: Double
  /// Rows in a batch.
  public var rowsPerBatch: Double
}

/// How training ended.
public struct TrainingReport: Sendable {
  /// How many epochs were run, and which was best (from 1).
  public var epochs: Int
  /// The epoch whose parameters were best, from 1; 0 before the first.
  public var bestEpoch: Int
  /// Mean log-likelihoods of the kept parameters, in nats; the second is nil without validation.
  public var trainLogLikelihood: Double
  /// The mean log-likelihood of the held-out rows, in nats; nil without any.
  public var validationLogLikelihood: Double?
  /// Training rows per second over the whole run.
  public var rowsPerSecond: Double
}

/// A state of training from which it can go on with the same results.
public struct TrainingCheckpoint: Sendable {
  /// The epoch, from 1; in a checkpoint, how many are done.
  public var epoch: Int
  /// How many steps have been made.
  public var steps: Int
  /// The parameters and moments, by name.
  public var state: [String: [Float]]
  /// The parameters that were best so far.
  public var best: [String: [Float]]
  /// The epoch whose parameters were best, from 1; 0 before the first.
  public var bestEpoch: Int
  /// Their mean log-likelihood on the validation rows.
  public var bestValidation: Double
  /// What the run's result depends on.
  public var job: TrainingJob
}

extension Model {
  /// Fits the parameters to rows by maximum likelihood and keeps the best.
  ///
  /// - Parameters:
  ///   - x: rows x features, row-major.
  ///   - context: rows x context, row-major; empty for a flow without.
  ///   - options: epochs, batches, rates and the rest.
  ///   - resume: a checkpoint to go on from.
  ///   - checkpoint: given the state after each epoch.
  ///   - progress: told how training goes.
  /// - Throws: `FlowError` for data that does not fit, or if the loss becomes NaN or a parameter is no
  ///   longer finite, which leaves the model as it was; `TrainingMismatch` for another run's
  ///   checkpoint; `RuntimeError` if there is no compiler; `CancellationError` if the task is
  ///   cancelled, after which the model has the best parameters so far.
  @discardableResult
  public mutating func fit(
    _ x: [Float], context: [Float] = [], options: TrainingOptions = TrainingOptions(),
    resume: TrainingCheckpoint? = nil, checkpoint: (TrainingCheckpoint) throws -> Void = { _ in },
    progress: (TrainingProgress) -> Void = { _ in }
  ) throws -> TrainingReport {
    let rows = x.count / features
    guard x.count == rows * features, rows >= 2 else {
      throw FlowError.invalid(
        place: "data", found: "\(x.count) numbers",
        expected: "at least 2 rows of \(features) features")
    }
    guard context.count == rows * self.context else {
      throw FlowError.invalid(
        place: "context", found: "\(context.count) numbers",
        expected: "\(rows) rows of \(self.context) context features")
    }
    var session = try FitSession(
      model: self, x: x, context: context, rows: rows, options: options)
    do {
      let report = try session.run(resume: resume, checkpoint: checkpoint, progress: progress)
      for (name, values) in session.bestValues { self.values[name] = values }
      return report
    } catch let error as CancellationError {
      for (name, values) in session.bestValues { self.values[name] = values }
      throw error
    }
  }
}

/// The working state of one fit.
private struct FitSession {
  let model: Model
  let x: [Float]
  let context: [Float]
  let options: TrainingOptions
  let trainer: Trainer
  let score: CompiledFunction
  let training: [Int]
  let validation: [Int]
  let job: TrainingJob
  var best: [String: [Float]] = [:]
  var bestEpoch = 0
  var bestValidation = -Double.infinity

  init(
    model: Model, x: [Float], context: [Float], rows: Int, options: TrainingOptions
  ) throws {
    self.model = model
    self.x = x
    self.context = context
    self.options = options
    job = TrainingJob(model: model, x: x, context: context, options: options)
    trainer = try model.trainer(optimizer: options.optimizer, frozen: options.frozen)
    score = try CompiledFunction(optimized(model.trace(.logProb)))
    var order = Array(0..<rows)
    var generator = SeededGenerator(seed: options.seed)
    order.shuffle(using: &generator)
    let held = min(Int((Double(rows) * options.validation).rounded()), rows - 1)
    validation = Array(order.prefix(held)).sorted()
    training = Array(order.dropFirst(held)).sorted()
  }

  var bestValues: [String: HostArray] {
    var result: [String: HostArray] = [:]
    for parameter in trainer.parameters {
      if let values = best[parameter.name] {
        result[parameter.name] = HostArray(values, shape: parameter.shape)
      }
    }
    return result
  }

  private func gather(_ source: [Float], _ width: Int, _ rows: ArraySlice<Int>) -> [Float] {
    [Float](unsafeUninitializedCapacity: rows.count * width) { target, count in
      source.withUnsafeBufferPointer { source in
        var position = 0
        for row in rows {
          for column in 0..<width {
            target[position] = source[row * width + column]
            position += 1
          }
        }
        count = position
      }
    }
  }

  /// The mean log-likelihood of rows under given parameters.
  private func meanLogLikelihood(
    _ rows: [Int], _ parameters: [String: [Float]]
  ) throws -> Double {
    var values = model.values
    for parameter in trainer.parameters {
      if let new = parameters[parameter.name] {
        values[parameter.name] = HostArray(new, shape: parameter.shape)
      }
    }
    let bound = try score.bind(values, threads: options.threads)
    var inputs = [
      "x": HostArray(gather(x, model.features, rows[...]), shape: [rows.count, model.features])
    ]
    if model.context > 0 {
      inputs["context"] = HostArray(
        gather(context, model.context, rows[...]), shape: [rows.count, model.context])
    }
    let logProb = try bound(inputs, rows: rows.count, threads: options.threads)["log_prob"]
    return (logProb?.doubles.reduce(0, +) ?? .nan) / Double(rows.count)
  }

  mutating func run(
    resume: TrainingCheckpoint?, checkpoint: (TrainingCheckpoint) throws -> Void,
    progress: (TrainingProgress) -> Void
  ) throws -> TrainingReport {
    var epoch = 0
    if let resume {
      try resume.check(job, parameters: trainer.parameters, options: options)
      trainer.restore(resume.state, steps: resume.steps)
      epoch = resume.epoch
      best = resume.best
      bestEpoch = resume.bestEpoch
      bestValidation = resume.bestValidation
    }
    let start = Date()
    let first = epoch
    var lastValidation: Double?
    while epoch < options.epochs {
      if let patience = options.patience, bestEpoch > 0, epoch - bestEpoch >= patience { break }
      try runEpoch(epoch, validation: lastValidation, start: start, first: first, progress)
      epoch += 1
      // A rate that is too high may end in infinities without a loss of NaN.
      guard trainer.state.values.allSatisfy({ $0.allSatisfy(\.isFinite) }) else {
        throw FlowError.diverged(
          epoch: epoch, batch: max(training.count / max(options.batchSize, 1), 1))
      }
      let current = try meanLogLikelihood(
        validation.isEmpty ? training : validation, trainer.state)
      lastValidation = current
      if current > bestValidation || best.isEmpty {
        bestValidation = current
        bestEpoch = epoch
        best = trainer.state
      }
      try checkpoint(
        TrainingCheckpoint(
          epoch: epoch, steps: trainer.steps, state: trainer.state, best: best,
          bestEpoch: bestEpoch, bestValidation: bestValidation, job: job))
    }
    if best.isEmpty { best = trainer.state }
    let seconds = Date().timeIntervalSince(start)
    return TrainingReport(
      epochs: epoch, bestEpoch: bestEpoch,
      trainLogLikelihood: try meanLogLikelihood(training, best),
      validationLogLikelihood: validation.isEmpty
        ? nil : try meanLogLikelihood(validation, best),
      rowsPerSecond: Double((epoch - first) * training.count) / max(seconds, 1e-9))
  }

  private func runEpoch(
    _ epoch: Int, validation: Double?, start: Date, first: Int,
    _ progress: (TrainingProgress) -> Void
  ) throws {
    // The order depends on seed and epoch alone, so that training can go on after a stop.
    var generator = SeededGenerator(seed: options.seed &+ 0x9e37 &* UInt64(epoch + 1))
    var order = training
    order.shuffle(using: &generator)
    let size = max(min(options.batchSize, order.count), 1)
    let batches = max(order.count / size, 1)
    var total = 0.0
    for batch in 0..<batches {
      try Task.checkCancellation()
      let rows = order[batch * size..<(batch + 1) * size]
      var inputs = ["x": gather(x, model.features, rows)]
      if model.context > 0 { inputs["context"] = gather(context, model.context, rows) }
      let loss = try trainer.step(
        inputs, rows: size, learningRate: options.rate(epoch: epoch), threads: options.threads)
      guard !loss.isNaN else { throw FlowError.diverged(epoch: epoch + 1, batch: batch + 1) }
      total += Double(loss)
      let done = (epoch - first) * batches + batch + 1
      if batch % 8 == 7 || batch + 1 == batches {
        progress(
          TrainingProgress(
            epoch: epoch + 1, epochs: options.epochs, batch: batch + 1, batches: batches,
            loss: total / Double(batch + 1), validation: validation,
            rowsPerSecond: Double(done * size) / max(Date().timeIntervalSince(start), 1e-9),
            rowsPerBatch: Double(size)))
      }
    }
  }
}
