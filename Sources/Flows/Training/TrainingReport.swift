/// The progress of training, reported every few batches and at the end of each epoch.
public struct TrainingProgress: Sendable {
  /// The current epoch, from 1.
  public var epoch: Int
  /// The largest number of epochs.
  public var epochs: Int
  /// How many batches of this epoch are done.
  public var batch: Int
  /// The number of batches in an epoch.
  public var batches: Int
  /// What the fit makes small.
  public var objective = TrainingObjective.likelihood
  /// The mean of -log p over the epoch's batches so far, in nats; NaN before the first row with a
  /// finite density. Under flow matching it is the mean of that loss.
  public var loss: Double
  /// The mean of log p after the last epoch over the validation rows that have a finite density, in
  /// nats; minus infinity if none has. Under flow matching it is the negative mean of that loss.
  public var validation: Double?
  /// How many validation rows had no finite density after the last epoch.
  public var validationRowsWithoutDensity = 0
  /// Training rows per second.
  public var rowsPerSecond: Double
  /// The number of rows in a batch; the last of an epoch may have fewer.
  public var rowsPerBatch: Double
  /// What an epoch came to, in the last call of each epoch; nil in the others.
  public var finished: EpochRecord?
}

/// What one epoch of training came to.
public struct EpochRecord: Hashable, Sendable {
  /// The epoch, from 1.
  public var epoch: Int
  /// The mean of log p over the training rows with a finite density, each at the step that it was part
  /// of, in nats; nil under flow matching, which does not find it.
  public var trainLogLikelihood: Double?
  /// The mean of log p over the validation rows with a finite density, after the epoch, in nats; nil
  /// without validation rows, and under flow matching.
  public var validationLogLikelihood: Double?
  /// The mean loss of flow matching over the training rows, each at the step that it was part of; nil under
  /// another objective.
  public var trainMatchingLoss: Double?
  /// The mean loss of flow matching over the validation rows, after the epoch and on the same paths in all
  /// epochs; nil without validation rows, and under another objective.
  public var validationMatchingLoss: Double?
  /// How many validation rows had no finite density.
  public var validationRowsWithoutDensity: Int
  /// The learning rate of the epoch.
  public var learningRate: Double
  /// Whether its parameters are the best so far.
  public var isBest: Bool
  /// Seconds since training began, or was resumed.
  public var seconds: Double
}

/// How training ended.
public struct TrainingReport: Sendable {
  /// How many epochs were run.
  public var epochs: Int
  /// The epoch whose parameters were best, from 1; 0 if all were worse than the parameters that
  /// training began with, which are kept then.
  public var bestEpoch: Int
  /// Whether the best epoch was better than the parameters that training began with, not only as good.
  public var isImproved: Bool
  /// The mean log-likelihood under the kept parameters of the training rows that have a finite density,
  /// weighted if rows have weights, in nats; minus infinity if none has. After flow matching it is that of
  /// `trainRowsScored` of them.
  public var trainLogLikelihood: Double
  /// The same of the validation rows; nil without any.
  public var validationLogLikelihood: Double?
  /// How many training rows there were, without those of weight 0.
  public var trainRows: Int
  /// How many of them the log-likelihood is of: all, but after flow matching, for which the log-density of a
  /// row costs as much as many steps, at most 10,000, drawn by the seed.
  public var trainRowsScored: Int
  /// How many of those have no finite density under the kept parameters.
  public var trainRowsWithoutDensity: Int
  /// How many validation rows there were, without those of weight 0.
  public var validationRows: Int
  /// How many of them the log-likelihood is of: all, but after flow matching at most 10,000.
  public var validationRowsScored: Int
  /// How many of those have no finite density under the kept parameters.
  public var validationRowsWithoutDensity: Int
  /// The mean loss of flow matching of all training rows under the kept parameters; nil for another
  /// objective.
  public var trainMatchingLoss: Double?
  /// The same of all validation rows; nil without any.
  public var validationMatchingLoss: Double?
  /// Training rows per second over the whole run.
  public var rowsPerSecond: Double
}

/// The state of a run after an epoch, from which it can be continued with the same results.
public struct TrainingCheckpoint: Sendable {
  /// The epoch, from 1; in a checkpoint, how many are done.
  public var epoch: Int
  /// How many steps have been made.
  public var steps: Int
  /// The parameters and moments, by name.
  public var state: [String: [Float]]
  /// The parameters that were best so far.
  public var best: [String: [Float]]
  /// The epoch whose parameters were best so far, from 1; 0 for those that training began with.
  public var bestEpoch: Int
  /// Their mean log-likelihood on the validation rows that have a finite density; under flow matching the
  /// negative mean of that loss.
  public var bestValidation: Double
  /// What the run's result depends on.
  public var job: TrainingJob
}
