import FlowIR

/// `n` draws from a distribution of single numbers, sorted.
public struct Sort: Distribution {
  private let base: any ScalarDistribution
  private let isDescending: Bool
  /// The number of draws, n.
  public let features: Int

  /// Makes the distribution of the sorted draws; the base's parameters are scalars.
  public init(_ base: any ScalarDistribution, n: Int = 2, descending: Bool = false) {
    precondition(n >= 1, "sorted draws: n must be at least 1, found \(n)")
    self.base = base
    features = n
    isDescending = descending
  }

  /// `log n! + Σ log p(x_i)` for ordered vectors, -inf for others.
  public func logProb(_ x: Tensor) -> Tensor {
    Self.density(x, base, count: features, isDescending: isDescending)
  }

  /// The quantiles of sorted uniform numbers, which come from exponential spacings.
  public func sample(seed: Tensor) -> Tensor {
    Self.sample(base, count: features, from: features, isDescending: isDescending, seed: seed)
  }

  /// `log n!/(n - k)! + Σ log p(x_i)` for ordered vectors of k elements, -inf for others.
  fileprivate static func density(
    _ x: Tensor, _ base: any ScalarDistribution, count n: Int, isDescending: Bool
  ) -> Tensor {
    let k = x.shape[0]
    let constant = ((n - k + 1)..<(n + 1)).reduce(0.0) { $0 + logOf(Double($1)) }
    let total = base.logProb(x).broadcast(to: [k]).sum(axis: 0) + constant
    guard k > 1 else { return total }
    let (left, right) = (x.slice(0, k - 1), x.slice(1, k))
    let outOfOrder = isDescending ? left .< right : left .> right
    let disorder = outOfOrder.converted(to: x.type.dtype).sum(axis: 0)
    return select(disorder .> 0, total.like(-Double.infinity), total)
  }

  /// The first k of n sorted draws, without sorting: the spacings of sorted uniform numbers are those
  /// of exponential ones (Devroye, "Non-Uniform Random Variate Generation", 1986, V.3.1).
  fileprivate static func sample(
    _ base: any ScalarDistribution, count k: Int, from n: Int, isDescending: Bool, seed: Tensor
  ) -> Tensor {
    let spacings = -log(seed.trace.random(.uniform, shape: [n + 1], seed: seed))
    let total = spacings.sum(axis: 0)
    let lower = spacings.slice(0, k).cumulativeSum()
    let rest = spacings.slice(k, n + 1).sum(axis: 0)
    let within =
      k > 1 ? spacings.slice(1, k).padded(low: 0, high: 1, value: 0) : spacings.slice(0, 1) * 0
    let upper = within.cumulativeSum(reverse: true) + rest
    let (p, q) = (lower / total, upper / total)
    return isDescending ? base.quantile(lower: q, upper: p) : base.quantile(lower: p, upper: q)
  }
}

/// The first `k` of `n` sorted draws from a distribution of single numbers.
public struct TopK: Distribution {
  private let base: any ScalarDistribution
  private let n: Int
  private let isDescending: Bool
  /// The number of draws that are kept, k.
  public let features: Int

  /// Makes the distribution of the `k` smallest draws, or the largest if `descending`, in order.
  public init(_ base: any ScalarDistribution, k: Int = 1, n: Int = 2, descending: Bool = false) {
    precondition(1 <= k && k < n, "top k: k must be in [1, \(n)), found \(k)")
    self.base = base
    self.n = n
    features = k
    isDescending = descending
  }

  /// `log n!/(n - k)! + Σ log p(x_i) + (n - k) log P(Z > x_k)` for ordered vectors, -inf for others.
  public func logProb(_ x: Tensor) -> Tensor {
    let tails = base.tails(x.slice(features - 1, features).reshaped([]))
    let (tail, other) = isDescending ? tails : (tails.upper, tails.lower)
    let rest = logOfTail(tail, other: other) * Double(n - features)
    let density = Sort.density(x, base, count: n, isDescending: isDescending)
    return select(density .> -Double.infinity, density + rest, density)
  }

  /// The quantiles of the first k of n sorted uniform numbers.
  public func sample(seed: Tensor) -> Tensor {
    Sort.sample(base, count: features, from: n, isDescending: isDescending, seed: seed)
  }
}

/// The smallest of `n` draws from a distribution of single numbers.
public struct Minimum: ScalarDistribution {
  private let base: any ScalarDistribution
  private let n: Double
  /// The shape of the base's parameters.
  public var shape: [Int] { base.shape }

  /// Makes the distribution.
  public init(_ base: any ScalarDistribution, n: Int = 2) {
    precondition(n >= 1, "the smallest of draws: n must be at least 1, found \(n)")
    self.base = base
    self.n = Double(n)
  }

  /// `log n + log p(x) + (n - 1) log P(Z > x)`.
  public func logProb(_ x: Tensor) -> Tensor {
    extremeDensity(base.logProb(x), base.tails(x), n)
  }

  /// 1 - q^n and q^n, where q is the base's probability above.
  public func tails(_ x: Tensor) -> (lower: Tensor, upper: Tensor) {
    let tails = base.tails(x)
    let power = n * logOfTail(tails.upper, other: tails.lower)
    return (-expm1(power), exp(power))
  }

  /// The base's quantile at the n-th root of a probability.
  public func quantile(lower: Tensor, upper: Tensor) -> Tensor {
    let root = logOfTail(upper, other: lower) / n
    return base.quantile(lower: -expm1(root), upper: exp(root))
  }
}

/// The largest of `n` draws from a distribution of single numbers.
public struct Maximum: ScalarDistribution {
  private let base: any ScalarDistribution
  private let n: Double
  /// The shape of the base's parameters.
  public var shape: [Int] { base.shape }

  /// Makes the distribution.
  public init(_ base: any ScalarDistribution, n: Int = 2) {
    precondition(n >= 1, "the largest of draws: n must be at least 1, found \(n)")
    self.base = base
    self.n = Double(n)
  }

  /// `log n + log p(x) + (n - 1) log P(Z ≤ x)`.
  public func logProb(_ x: Tensor) -> Tensor {
    let (lower, upper) = base.tails(x)
    return extremeDensity(base.logProb(x), (lower: upper, upper: lower), n)
  }

  /// q^n and 1 - q^n, where q is the base's probability below.
  public func tails(_ x: Tensor) -> (lower: Tensor, upper: Tensor) {
    let tails = base.tails(x)
    let power = n * logOfTail(tails.lower, other: tails.upper)
    return (exp(power), -expm1(power))
  }

  /// The base's quantile at the n-th root of a probability.
  public func quantile(lower: Tensor, upper: Tensor) -> Tensor {
    let root = logOfTail(lower, other: upper) / n
    return base.quantile(lower: exp(root), upper: -expm1(root))
  }
}

/// The density of the smallest of n draws, from that of one and its tails.
private func extremeDensity(
  _ density: Tensor, _ tails: (lower: Tensor, upper: Tensor), _ n: Double
) -> Tensor {
  guard n > 1 else { return density }
  let rest = (n - 1) * logOfTail(tails.upper, other: tails.lower)
  return select(density .> -Double.infinity, density + rest + logOf(n), density)
}

/// log p from p and 1 - p, whichever is small.
private func logOfTail(_ p: Tensor, other: Tensor) -> Tensor {
  select(p .< other, log(p), log1p(-minimum(other, 0.5)))
}
