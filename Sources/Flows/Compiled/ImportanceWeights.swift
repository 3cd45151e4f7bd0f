import Foundation

/// The weights that make samples of one density those of another: target / flow, which sum to 1.
///
///     let draw = try compiled.sample(10_000, seed: 1)
///     let weights = ImportanceWeights(logTarget: target(draw.x), logProb: draw.logProb)
///     weights.effectiveSampleSize         // how many samples of the target they are worth
///     weights.paretoK                     // below 0.7, or the weights can't be trusted
///     weights.logMean                     // the target's log normalizing constant
///
/// The target need not be normalized. A sample whose log-weight is NaN or infinitely large has the weight NaN,
/// and takes no part in anything else; `invalid` names such samples.
public struct ImportanceWeights: Sendable {
  /// log target - log flow of each sample.
  public let logWeights: [Double]
  /// The samples without a weight: their log-weight is NaN or +inf.
  public let invalid: [Int]
  /// The largest log-weight; -inf if there is none.
  let largest: Double
  /// The sum of the weights, and of their squares, in units of the largest one.
  private let sums: (first: Double, second: Double)

  /// Weights from log-densities of the same samples.
  ///
  /// - Precondition: there are as many of both.
  public init<Target: BinaryFloatingPoint, Flow: BinaryFloatingPoint>(
    logTarget: [Target], logProb: [Flow]
  ) {
    precondition(
      logTarget.count == logProb.count,
      "\(logTarget.count) log-densities of the target, \(logProb.count) of the flow")
    self.init(logWeights: zip(logTarget, logProb).map { Double($0) - Double($1) })
  }

  /// Weights from their logarithms.
  public init(logWeights: [Double]) {
    self.logWeights = logWeights
    invalid = logWeights.indices.filter { logWeights[$0].isNaN || logWeights[$0] == .infinity }
    let largest = logWeights.reduce(-Double.infinity) { $1 < .infinity ? max($0, $1) : $0 }
    self.largest = largest
    var sums = (first: 0.0, second: 0.0)
    if largest > -.infinity {
      for value in logWeights where value < .infinity {
        let weight = exp(value - largest)
        sums.first += weight
        sums.second += weight * weight
      }
    }
    self.sums = sums
  }

  /// How many samples have a weight.
  public var count: Int { logWeights.count - invalid.count }

  /// The weight of each sample; they sum to 1. All are NaN if the target is 0 at every sample.
  public var normalized: [Double] {
    logWeights.map { $0 < .infinity ? exp($0 - largest) / sums.first : .nan }
  }

  /// How many independent samples of the target have a mean of the same variance, by Kish's rule:
  /// (Σw)² / Σw²; 0 if the target is 0 at every sample.
  public var effectiveSampleSize: Double {
    sums.second > 0 ? sums.first * sums.first / sums.second : 0
  }

  /// The logarithm of the mean weight: the target's log normalizing constant, if the flow's density is
  /// normalized.
  public var logMean: Double { count > 0 ? largest + log(sums.first / Double(count)) : .nan }

  /// The standard error of `logMean`, from the spread of the weights.
  public var logMeanError: Double {
    let n = Double(count)
    guard n > 1, sums.second > 0 else { return count > 0 ? .infinity : .nan }
    return max(sums.second / (sums.first * sums.first) - 1 / n, 0).squareRoot()
      * (n / (n - 1)).squareRoot()
  }
}
