import FlowFiles
import FlowRuntime

/// A Gaussian mixture model: `p(x | c) = Σ w_k(c) N(x | μ_k(c), Σ_k(c))`.
///
/// It is a flow without transforms: `model` scores, samples, trains and saves it like the others.
public struct GMM: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model
  private let arguments: Architecture.GaussianComponents

  /// How `initialize` finds the first centres.
  public enum Strategy: String, Sendable, CaseIterable {
    /// Distinct rows at random.
    case random
    /// Lloyd's iterations from k-means++.
    case kmeans
    /// Rows far from each other (Arthur and Vassilvitskii, 2007).
    case kmeansPlusPlus = "kmeans++"
  }

  /// Makes an untrained mixture; the arguments are those of `zuko.mixtures.GMM`, `seed` decides the
  /// first parameters.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, components: Int = 2, covarianceType: CovarianceType = .full,
    tied: Bool = false, epsilon: Double = 1e-6, hiddenFeatures: [Int] = [64, 64],
    activation: Activation = .relu, seed: UInt64 = 0
  ) throws(FlowError) {
    arguments = Architecture.GaussianComponents(
      components: components, covarianceType: covarianceType, tied: tied, epsilon: epsilon,
      network: NetworkShape(hiddenFeatures: hiddenFeatures, activation: activation))
    model = try Model(.gmm(arguments), features: features, context: context, seed: seed)
  }

  /// Sets the components from clusters of rows, `rows x features` row-major.
  ///
  /// Each row goes to its nearest centre; weights, means and covariances (with Bessel's correction)
  /// are those of the clusters. Where the parameters come from a network, its last layer's bias
  /// becomes them and its weights shrink to a hundredth.
  ///
  /// - Throws: `FlowError` for fewer rows than components and one more, numbers that are not finite,
  ///   or a cluster with a singular covariance.
  public mutating func initialize(
    _ x: [Float], strategy: Strategy, seed: UInt64 = 0
  ) throws(FlowError) {
    let d = model.features
    guard x.count % d == 0, x.count / d > arguments.components else {
      throw .invalid(
        place: "initialize", found: "\(x.count) numbers",
        expected: "rows of \(d) features, more than the \(arguments.components) components")
    }
    guard x.allSatisfy(\.isFinite) else {
      throw .invalid(place: "initialize", found: "NaN or infinity", expected: "finite numbers")
    }
    var clusters = Clusters(
      x: inUnits(x), features: d, count: arguments.components, seed: seed)
    let moments = try clusters.moments(strategy)
    let parameters = try parameters(moments)
    let last = model.parameters.filter { $0.name.hasPrefix("\(place)hyper.") }.suffix(2)
    guard let weight = last.first, let bias = last.last else {
      for (index, values) in parameters.enumerated() {
        let name = "\(place)phi.\(index)"
        guard let shape = model.values[name]?.shape else { continue }
        model.values[name] = HostArray(values.map { Float($0) }, shape: shape)
      }
      return
    }
    let weights = (model.values[weight.name]?.floats ?? []).map { $0 * 0.01 }
    model.values[weight.name] = HostArray(weights, shape: weight.shape)
    model.values[bias.name] = HostArray(
      parameters.flatMap { $0 }.map { Float($0) }, shape: bias.shape)
  }

  /// What the names of the mixture's parameters begin with.
  private var place: String { model.description?.before.isEmpty == false ? "base." : "" }

  /// Rows in the units that the mixture sees them in.
  private func inUnits(_ x: [Float]) -> [Double] {
    guard let units = model.units else { return x.map(Double.init) }
    let d = model.features
    return x.enumerated().map { (Double($1) - units.centre[$0 % d]) / units.scale[$0 % d] }
  }

  /// Logits, means and scales in the order of the mixture's parameters.
  private func parameters(_ moments: Clusters.Moments) throws(FlowError) -> [[Double]] {
    let d = model.features
    var covariances = moments.covariances
    if arguments.tied {
      let sum = covariances.reduce([Double](repeating: 0, count: d * d)) {
        zip($0, $1).map { $0 + $1 }
      }
      covariances = [sum.map { $0 / Double(arguments.components) }]
    }
    var diagonal: [Double] = []
    var below: [Double] = []
    for covariance in covariances {
      let variances = (0..<d).map { covariance[$0 * (d + 1)] }
      switch arguments.covarianceType {
      case .diagonal: diagonal += variances.map { 0.5 * logOf($0) }
      case .spherical: diagonal.append(0.5 * logOf(variances.reduce(0, +) / Double(d)))
      case .full:
        let factor = Clusters.cholesky(covariance, d)
        diagonal += (0..<d).map { logOf(factor[$0 * (d + 1)]) }
        for row in 0..<d { below += factor[row * d..<row * d + row] }
      }
    }
    guard (diagonal + below).allSatisfy(\.isFinite) else {
      throw .invalid(
        place: "initialize", found: "a cluster whose covariance is singular",
        expected: "clusters with more rows; use fewer components, a tied or a diagonal covariance")
    }
    let common = [moments.weights.map(logOf), moments.means.flatMap { $0 }, diagonal]
    return arguments.covarianceType == .full ? common + [below] : common
  }
}

/// Rows that are put into clusters by their nearest centre.
private struct Clusters {
  struct Moments {
    var weights: [Double]
    var means: [[Double]]
    var covariances: [[Double]]
  }

  let x: [Double]
  let features: Int
  let count: Int
  var generator: SeededGenerator
  private var rows: Int { x.count / features }

  init(x: [Double], features: Int, count: Int, seed: UInt64) {
    self.x = x
    self.features = features
    self.count = count
    generator = SeededGenerator(seed: seed)
  }

  private func row(_ index: Int) -> [Double] {
    Array(x[index * features..<(index + 1) * features])
  }

  private func distance(_ index: Int, _ centre: [Double]) -> Double {
    var sum = 0.0
    for f in 0..<features {
      let difference = x[index * features + f] - centre[f]
      sum += difference * difference
    }
    return sum
  }

  private mutating func randomCentres() -> [[Double]] {
    Array(0..<rows).shuffled(using: &generator).prefix(count).map { row($0) }
  }

  /// Each next centre is a row drawn with the squared distance to its nearest centre as weight.
  private mutating func farCentres() -> [[Double]] {
    var centres = [row(Int(generator.uniform() * Double(rows)))]
    var nearest = (0..<rows).map { distance($0, centres[0]) }
    while centres.count < count {
      let total = nearest.reduce(0, +)
      var left = generator.uniform() * total
      var chosen = nearest.lastIndex { $0 > 0 } ?? Int(generator.uniform() * Double(rows))
      for index in 0..<rows where nearest[index] > 0 {
        left -= nearest[index]
        if left < 0 {
          chosen = index
          break
        }
      }
      let centre = row(chosen)
      centres.append(centre)
      for index in 0..<rows { nearest[index] = min(nearest[index], distance(index, centre)) }
    }
    return centres
  }

  private func matches(_ centres: [[Double]]) -> [Int] {
    (0..<rows).map { index in
      let distances = centres.map { distance(index, $0) }
      return distances.indices.min { distances[$0] < distances[$1] } ?? 0
    }
  }

  /// The sizes and means of clusters; nil for the mean of an empty one.
  private func means(_ match: [Int]) -> (sizes: [Int], means: [[Double]?]) {
    var sizes = [Int](repeating: 0, count: count)
    var sums = [[Double]](repeating: Array(repeating: 0, count: features), count: count)
    for (index, cluster) in match.enumerated() {
      sizes[cluster] += 1
      for f in 0..<features { sums[cluster][f] += x[index * features + f] }
    }
    return (
      sizes, zip(sums, sizes).map { sum, size in size > 0 ? sum.map { $0 / Double(size) } : nil }
    )
  }

  mutating func moments(_ strategy: GMM.Strategy) throws(FlowError) -> Moments {
    var centres: [[Double]]
    switch strategy {
    case .random: centres = randomCentres()
    case .kmeansPlusPlus: centres = farCentres()
    case .kmeans:
      centres = farCentres()
      for _ in 0..<7 {
        // An empty cluster starts again from a row at random.
        let spare = randomCentres()
        centres = zip(means(matches(centres)).means, spare).map { $0 ?? $1 }
      }
    }
    let match = matches(centres)
    let (sizes, means) = means(match)
    var found: [[Double]] = []
    for (size, mean) in zip(sizes, means) {
      guard let mean, size >= 2 else {
        throw .invalid(
          place: "initialize", found: "a cluster of \(size) rows",
          expected: "clusters of 2 rows or more; use fewer components or another seed")
      }
      found.append(mean)
    }
    var covariances = [[Double]](
      repeating: Array(repeating: 0, count: features * features), count: count)
    for (index, cluster) in match.enumerated() {
      let centred = zip(row(index), found[cluster]).map { $0 - $1 }
      for a in 0..<features {
        for b in 0..<features {
          covariances[cluster][a * features + b] +=
            centred[a] * centred[b] / Double(sizes[cluster] - 1)
        }
      }
    }
    return Moments(
      weights: sizes.map { Double($0) / Double(rows) }, means: found, covariances: covariances)
  }

  /// The lower triangular factor; NaN where the matrix is not positive definite.
  static func cholesky(_ a: [Double], _ n: Int) -> [Double] {
    var lower = [Double](repeating: 0, count: n * n)
    for j in 0..<n {
      for i in j..<n {
        var sum = a[i * n + j]
        for k in 0..<j { sum -= lower[i * n + k] * lower[j * n + k] }
        if i == j {
          lower[i * n + i] = sum > 0 ? sum.squareRoot() : .nan
        } else {
          lower[i * n + j] = sum / lower[j * n + j]
        }
      }
    }
    return lower
  }
}
