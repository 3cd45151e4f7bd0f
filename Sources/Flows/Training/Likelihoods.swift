/// The log-likelihoods of rows, of which some may have no finite density.
///
/// A row may have none whatever the parameters are: it lies outside of the flow's support, such as a
/// zero where the flow takes a logarithm, or so far away that its density underflows.
struct Likelihoods {
  private let logProb: [Double]
  /// The mean over the rows that have a finite density; minus infinity if none has.
  let mean: Double
  /// How many rows have none.
  let missing: Int

  init(_ logProb: [Double]) {
    self.logProb = logProb
    let finite = logProb.filter(\.isFinite)
    mean = finite.isEmpty ? -.infinity : finite.reduce(0, +) / Double(finite.count)
    missing = logProb.count - finite.count
  }

  /// Whether any row has a finite density.
  var hasAny: Bool { missing < logProb.count }

  /// Whether these parameters are better than others, on the same rows.
  ///
  /// The means are compared over the rows that have a finite density under both, so that parameters are
  /// not preferred because they lose the rows that fit worst.
  func isBetter(than other: Likelihoods) -> Bool {
    var (sum, otherSum, count) = (0.0, 0.0, 0)
    for (mine, its) in zip(logProb, other.logProb) where mine.isFinite && its.isFinite {
      sum += mine
      otherSum += its
      count += 1
    }
    return count > 0 ? sum / Double(count) > otherSum / Double(count) : hasAny && !other.hasAny
  }
}
