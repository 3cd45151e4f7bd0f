import FlowIR

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
  /// Rows in a step; the last step of an epoch has the rows that are left.
  public var batchSize = 512
  /// Adam's learning rate at the start.
  public var learningRate = 1e-3
  /// How the learning rate changes.
  public var schedule = Schedule.constant
  /// The share of rows that are held out, from 0 to less than 1; the parameters that are best on them are
  /// kept. It is not used if `fit` is given validation rows.
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
