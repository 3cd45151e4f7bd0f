import FlowIR

/// How a flow is fitted.
public struct TrainingOptions: Sendable {
  /// How the learning rate changes from epoch to epoch.
  public enum Schedule: String, Sendable, CaseIterable {
    /// The same rate in all epochs.
    case constant
    /// Falls from the initial rate towards zero like half a period of a cosine.
    case cosine
    /// Divided by ten after each third of the epochs.
    case step
  }

  /// What is made small: the mean of -log p, or the loss of flow matching of a continuous flow, whose steps
  /// are far cheaper.
  public var objective = TrainingObjective.likelihood
  /// The largest number of passes over the training rows.
  public var epochs = 100
  /// The number of rows in a step; the last step of an epoch takes the remaining rows. If it is nil, small
  /// data have small batches, so that 100 epochs suffice: the power of two at or below a 128th of the
  /// training rows, but 64 to 512.
  public var batchSize: Int?
  /// Adam's learning rate at the start. The default was chosen together with that of the schedule on tables of
  /// 120 to 16,000 rows.
  public var learningRate = 2e-3
  /// How the learning rate changes.
  public var schedule = Schedule.cosine
  /// The share of rows that are held out, from 0 to less than 1; the parameters that are best on them are
  /// kept. It is not used if `fit` is given validation rows.
  public var validation = 0.1
  /// Training stops after this many epochs without a better validation likelihood; nil for never.
  public var patience: Int?
  /// The names of parameters, or of modules with all of their parameters, that are not trained, such as
  /// `transform.transforms.0`.
  public var frozen: [String] = []
  /// How the model's units were found, nil for a flow in the units of its data: noted in checkpoints, so
  /// that a run is not continued in other units.
  public var standardization: Standardization?
  /// Decides the split and the order of rows.
  public var seed: UInt64 = 0
  /// How many threads to use; one per processor if nil. The result does not depend on it.
  public var threads: Int?
  /// How many bytes the rows of files may take while they are trained on: more are streamed, in pools of a quarter
  /// of that, at most 256 MB. If it is nil, it is three quarters of the memory of the machine or container. It is
  /// never more than limits of the process leave (`ulimit -v`, `-d`). Rows
  /// that are given in memory are never streamed.
  public var memory: Int?
  /// The fewest seconds between two states that `fit` gives to `checkpoint`; 0 to give one after each
  /// epoch. The first epoch's is always given.
  public var checkpointInterval = 0.0
  /// The optimizer.
  public var optimizer = AdamW()

  /// Makes options with the defaults above.
  public init() {}

  /// The number of rows in a step on so many training rows.
  func batchSize(rows: Int) -> Int {
    var size = 64
    while size < 512, size * 2 * 128 <= rows { size *= 2 }
    return max(min(batchSize ?? size, rows), 1)
  }

  func rate(epoch: Int) -> Double {
    switch schedule {
    case .constant: return learningRate
    case .cosine:
      return learningRate * 0.5 * (1 + cosine(Double.pi * Double(epoch) / Double(max(epochs, 1))))
    case .step: return learningRate * power(0.1, Double(3 * epoch / max(epochs, 1)))
    }
  }
}
