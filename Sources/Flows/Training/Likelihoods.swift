/// The log-likelihoods of rows, of which some may have no finite density.
///
/// A row may have none whatever the parameters are: it lies outside of the flow's support, such as a
/// zero where the flow takes a logarithm, or so far away that its density underflows.
struct Likelihoods {
  private let logProb: [Double]
  /// The weight of each row; nil if all count alike.
  private let weights: [Double]?
  /// The weighted mean over the rows that have a finite density; minus infinity if none has.
  let mean: Double
  /// How many rows have none.
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
  }

  /// Whether any row has a finite density.
  var hasAny: Bool { missing < logProb.count }

  /// Whether these parameters are better than others, on the same rows.
  ///
  /// The means are compared over the rows that have a finite density under both, so that parameters are
  /// not preferred because they lose the rows that fit worst.
  func isBetter(than other: Likelihoods) -> Bool {
    var (sum, otherSum, total) = (0.0, 0.0, 0.0)
    for (row, (mine, its)) in zip(logProb, other.logProb).enumerated()
    where mine.isFinite && its.isFinite {
      let weight = weights?[row] ?? 1
      sum += weight * mine
      otherSum += weight * its
      total += weight
    }
    return total > 0 ? sum / total > otherSum / total : hasAny && !other.hasAny
  }
}
