/// The log-likelihoods of rows, of which some may have no finite density.
///
/// A row may have no finite density under any parameters, because it lies outside the flow's support, such as
/// a zero where the flow takes a logarithm, or so far out that its density underflows.
struct Likelihoods {
  private let logProb: [Double]
  /// The weight of each row; nil if all count alike.
  private let weights: [Double]?
  /// The weighted sum over the rows that have a finite density, and the sum of their weights.
  fileprivate let total: (sum: Double, weight: Double)
  /// The weighted mean over the rows that have a finite density; minus infinity if none has.
  let mean: Double
  /// How many rows have no finite density.
  let missing: Int

  init(_ logProb: [Double], weights: [Double]? = nil) {
    self.logProb = logProb
    self.weights = weights
    var (sum, total, finite) = (0.0, 0.0, 0)
    for (row, value) in logProb.enumerated() where value.isFinite {
      let weight = weights?[row] ?? 1
      sum += weight * value
      total += weight
      finite += 1
    }
    mean = total > 0 ? sum / total : -.infinity
    missing = logProb.count - finite
    self.total = (sum, total)
  }

  /// How many rows there are.
  var count: Int { logProb.count }

  /// Whether any row has a finite density.
  var hasAny: Bool { missing < logProb.count }

  /// Whether these parameters are better than others, on the same rows.
  ///
  /// Means are taken over the rows that have a finite density under both. Otherwise parameters would seem
  /// better when badly fitting rows lose their density.
  func isBetter(than other: Likelihoods) -> Bool {
    var (sum, otherSum, total) = (0.0, 0.0, 0.0)
    forEachPair(with: other) { mine, its, weight in
      sum += weight * mine
      otherSum += weight * its
      total += weight
    }
    return total > 0 ? sum / total > otherSum / total : hasAny && !other.hasAny
  }

  /// Whether these parameters are worse than others on the same rows, by more than chance explains: the mean
  /// of the differences is more than three standard errors below 0. A nat is too much in any case: where a few
  /// rows are far worse than the others, so is the standard error large.
  func isWorse(than other: Likelihoods) -> Bool {
    guard hasAny || !other.hasAny else { return true }
    var (sum, total) = (0.0, 0.0)
    forEachPair(with: other) { mine, its, weight in
      sum += weight * (mine - its)
      total += weight
    }
    guard total > 0 else { return false }
    let mean = sum / total
    var squares = 0.0
    forEachPair(with: other) { mine, its, weight in
      let distance = weight * (mine - its - mean)
      squares += distance * distance
    }
    return mean < -min(3 * squares.squareRoot() / total, 1)
  }

  /// The rows that have a finite density under both, with their weights.
  private func forEachPair(
    with other: Likelihoods, _ body: (_ mine: Double, _ its: Double, _ weight: Double) -> Void
  ) {
    for (row, (mine, its)) in zip(logProb, other.logProb).enumerated()
    where mine.isFinite && its.isFinite {
      body(mine, its, weights?[row] ?? 1)
    }
  }
}

/// What the log-likelihoods of rows come to, of which there may be too many to keep.
struct LikelihoodTotal {
  private var sum = 0.0
  private var weight = 0.0
  private var count = 0
  /// How many rows have no finite density.
  private(set) var missing = 0

  /// Adds rows.
  mutating func add(_ rows: Likelihoods) {
    sum += rows.total.sum
    weight += rows.total.weight
    count += rows.count
    missing += rows.missing
  }

  /// The weighted mean over the rows that have a finite density; minus infinity if none has.
  var mean: Double { weight > 0 ? sum / weight : -.infinity }

  /// Whether any row has a finite density.
  var hasAny: Bool { missing < count }
}
