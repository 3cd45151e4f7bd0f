import FlowIR

/// An unbiased estimate of `log det(I + J)` for a matrix J of norm below 1: the power series
/// `tr J - tr J² / 2 + tr J³ / 3 - …`, whose traces are found from products with random probes and which ends at a
/// random term (Chen, Behrmann, Duvenaud, Jacobsen, "Residual Flows for Invertible Generative Modeling", 2019,
/// arXiv:1906.02735).
///
/// The first `terms` terms use all probes, which are orthogonal: `vᵀ Jᵏ v` has the mean `tr Jᵏ`, and with as many
/// probes as features the sum over them is that trace. The terms after that use the first probe. Each is followed by
/// another with the probability `continuation`, and is divided by the probability that the series gets so far
/// (Russian roulette). The mean over all seeds is therefore the log-determinant itself, and the variance is finite if
/// `continuation` exceeds the square of the norm.
///
/// Probes and length are drawn from `seed` when a function is traced, so that all rows share them. The density is
/// then a smooth function of the row, its gradient is that of its values, a sample has the density that it is scored
/// with, and no row depends on its place in a table. The errors of rows are for the same reason alike, and no mean
/// over rows reduces them: their standard error is the deviation over seeds.
///
/// A step of training draws a probe of its own for each row, since parameters could adapt to fixed ones, and stops
/// after twice `terms` terms. What it leaves out is at most `D Lⁿ⁺¹ / ((n + 1) (1 - L))` after n terms for D features
/// and a norm of L.
public struct LogDeterminantSeries: Hashable, Sendable {
  /// How many products with the matrix estimate the trace of each of the first terms.
  public var probes: Int
  /// The number of terms that are always there.
  public var terms: Int
  /// The probability that another term follows, after those.
  public var continuation: Double
  /// Decides the probes and the length.
  public var seed: UInt64

  /// Makes the estimate.
  ///
  /// - Parameters:
  ///   - probes: how many products estimate each trace; as many as features at most.
  ///   - terms: the number of terms that are always there.
  ///   - continuation: the probability of another term after those, in [0, 1).
  ///   - seed: decides the probes and the length.
  public init(probes: Int = 8, terms: Int = 8, continuation: Double = 0.5, seed: UInt64 = 0) {
    precondition(probes > 0 && terms > 0, "a series needs a probe and a term")
    precondition(
      0 <= continuation && continuation < 1, "a series ends only if its continuation is below 1")
    self.probes = probes
    self.terms = terms
    self.continuation = continuation
    self.seed = seed
  }

  /// The number of terms that the seed gives.
  public var length: Int {
    guard continuation > 0 else { return terms }
    var generator = SeededGenerator(seed: seed ^ 0x7465_726d_7300)
    return terms + Int(logOf(1 - generator.uniform()) / logOf(continuation))
  }

  /// The probes that the seed gives: rows of a random orthogonal matrix times √D, in row-major order.
  public func vectors(features: Int) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    var rows: [[Double]] = []
    while rows.count < min(probes, features) {
      var row = (0..<features).map { _ in generator.normal() }
      // Twice, since the first pass leaves a part where a row is close to those before.
      for earlier in rows + rows {
        let share = zip(row, earlier).reduce(0) { $0 + $1.0 * $1.1 } / Double(features)
        row = zip(row, earlier).map { $0 - share * $1 }
      }
      let norm = (row.reduce(0) { $0 + $1 * $1 } / Double(features)).squareRoot()
      rows.append(row.map { $0 / norm })
    }
    return rows.flatMap { $0 }
  }

  /// The estimate for each row.
  ///
  /// - Parameters:
  ///   - features: the size D of the matrix.
  ///   - trace: the trace to add it to.
  ///   - product: gives `J v` for each of the vectors v, the rows of a tensor [n, D].
  public func estimate(
    features: Int, in trace: Trace, product: (Tensor) -> Tensor
  ) -> Tensor {
    if let step = trace.stepSeed {
      let uniform = trace.random(.uniform, shape: [1, features], seed: step)
      let probe = select(uniform .< 0.5, uniform.like(-1), uniform.like(1))
      return sum(probe, (1...2 * terms).map { 1 / Double($0) }, product).total
    }
    let count = min(probes, features)
    let all = trace.constant(vectors(features: features), shape: [count, features])
    let (first, last) = sum(all, (1...terms).map { 1 / Double($0 * count) }, product)
    guard length > terms else { return first }
    var reached = 1.0
    let rest = (terms + 1...length).map { term in
      reached *= continuation
      return 1 / (Double(term) * reached)
    }
    let sign: Double = terms.isMultiple(of: 2) ? 1 : -1
    return first
      + sign
      * sum(
        all.slice(0, 1, axis: 0), rest, product, start: last.slice(0, 1, axis: 0)
      ).total
  }

  /// The alternating sum of `vᵀ Jᵏ v` times a weight for each k, over the probes, and the last vectors.
  private func sum(
    _ probes: Tensor, _ weights: [Double], _ product: (Tensor) -> Tensor, start: Tensor? = nil
  ) -> (total: Tensor, last: Tensor) {
    var vectors = start ?? probes
    var total: Tensor?
    for (index, weight) in weights.enumerated() {
      vectors = product(vectors)
      let part = vectors * (index.isMultiple(of: 2) ? weight : -weight)
      total = total.map { $0 + part } ?? part
    }
    return (((total ?? probes) * probes).sumOfElements(), vectors)
  }
}
