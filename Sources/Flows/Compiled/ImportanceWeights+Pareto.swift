import Foundation

/// Pareto smoothed importance sampling (Vehtari, Simpson, Gelman, Yao and Gabry, "Pareto smoothed importance
/// sampling", JMLR 25, 2024; arXiv:1507.02646).
extension ImportanceWeights {
  /// The shape of the generalized Pareto distribution that fits the largest weights: moments of the weights
  /// above the order 1 / k are infinite. Estimates are reliable below 0.7 (with some thousand samples; in
  /// general below 1 - 1 / log10(count)). Infinite if fewer than 5 weights are in the tail.
  public var paretoK: Double { fittedTail?.fit.shape ?? .infinity }

  /// The weights with the largest replaced by what the fitted distribution expects of them; they sum to 1, and
  /// estimates from them vary less. The same as `normalized` where no distribution fits.
  public var smoothed: [Double] {
    guard let (tail, cutoff, fit) = fittedTail, fit.shape.isFinite else { return normalized }
    var values = logWeights.map { $0 < .infinity ? exp($0 - largest) : .nan }
    for (rank, sample) in tail.enumerated() {
      let probability = (Double(rank) + 0.5) / Double(tail.count)
      values[sample] = min(fit.quantile(probability) + cutoff, 1)
    }
    let sum = values.reduce(0) { $1.isNaN ? $0 : $0 + $1 }
    return values.map { $0 / sum }
  }

  /// The samples in the tail from the smallest weight on, where it starts in units of the largest weight, and
  /// the distribution of what is above; nil if there are fewer than 5.
  private var fittedTail: (samples: [Int], cutoff: Double, fit: ParetoFit)? {
    guard largest > -.infinity else { return nil }
    let order = logWeights.indices.filter { logWeights[$0] < .infinity }
      .sorted { logWeights[$0] < logWeights[$1] }
    let length = Int(
      min(Double(order.count) / 5, 3 * Double(order.count).squareRoot()).rounded(.up))
    guard order.count > length else { return nil }
    let limit = max(
      logWeights[order[order.count - length - 1]] - largest, log(Double.leastNormalMagnitude))
    let tail = order.suffix(length).filter { logWeights[$0] - largest > limit }
    guard tail.count >= 5 else { return nil }
    let cutoff = exp(limit)
    return (tail, cutoff, ParetoFit(tail.map { exp(logWeights[$0] - largest) - cutoff }))
  }
}

/// A generalized Pareto distribution that was fitted to numbers (Zhang and Stephens, "A new and efficient
/// estimation method for the generalized Pareto distribution", Technometrics 51, 2009), with the weak prior
/// for the shape of the article on smoothing.
struct ParetoFit {
  let shape: Double
  let scale: Double

  /// Fits numbers above 0 in ascending order.
  init(_ numbers: [Double]) {
    let n = Double(numbers.count)
    let quarter = numbers[max(Int(n / 4 + 0.5) - 1, 0)]
    let last = numbers[numbers.count - 1]
    func shape(_ b: Double) -> Double { numbers.reduce(0) { $0 + log1p(-b * $1) } / n }
    let candidates = 30 + Int(n.squareRoot())
    let points = (1...candidates).map { index in
      1 / last + (1 - (Double(candidates) / (Double(index) - 0.5)).squareRoot()) / (3 * quarter)
    }
    let likelihoods = points.map { b -> Double in
      let k = shape(b)
      return n * (log(-b / k) - k - 1)
    }
    let largest = likelihoods.max() ?? 0
    var (sum, mean) = (0.0, 0.0)
    for (b, likelihood) in zip(points, likelihoods) {
      let weight = exp(likelihood - largest)
      (sum, mean) = (sum + weight, mean + weight * b)
    }
    let b = mean / sum
    let k = shape(b)
    scale = -k / b
    self.shape = (n * k + 5) / (n + 10)
  }

  /// The number below which a share of the distribution lies.
  func quantile(_ probability: Double) -> Double {
    let depth = -log1p(-probability)
    return scale * (abs(shape) < 1e-15 ? depth : expm1(shape * depth) / shape)
  }
}
