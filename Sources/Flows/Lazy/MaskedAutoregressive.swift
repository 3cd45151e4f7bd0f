import FlowIR

/// A lazy masked autoregressive transform (Papamakarios et al., "Masked autoregressive flow for
/// density estimation", 2017, arXiv:1705.07057).
public struct MaskedAutoregressiveTransform: LazyTransform {
  private let hyper: any Layer
  private let univariate: Univariate
  /// How many applications of the transform define its inverse.
  public let passes: Int
  private let circular: [Int]
  private let features: Int
  private let sees: Dependence
  private let path: String

  /// Registers the buffer `order` and the network `hyper`.
  ///
  /// - Parameters:
  ///   - features: the number of features.
  ///   - context: the number of context features; 0 for none.
  ///   - passes: the number of groups of features that are transformed in turn; nil for a group for each
  ///     feature, 2 for a coupling.
  ///   - order: the place of each feature; ascending if nil.
  ///   - adjacency: which features (rows) depend on which features and context features
  ///     (columns), with ones on the diagonal; replaces `order` and `passes`.
  ///   - circular: the features that are angles, in ascending order: the network reads the cosine in place
  ///     of each, and after all else the sine, so that it does not see where the circle begins.
  ///   - univariate: the transform of one feature.
  ///   - network: the masked network that gives its parameters.
  ///   - scope: where they are registered.
  /// - Throws: `FlowError` for an order or adjacency that does not fit.
  public init(
    features: Int, context: Int = 0, passes: Int? = nil, order: [Int]? = nil,
    adjacency: Mask? = nil, circular: [Int] = [], univariate: Univariate = .affine(),
    network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) throws(FlowError) {
    let sees: Dependence
    if let adjacency {
      (sees, passes: self.passes) = try Self.dependence(
        adjacency, features, context, place: scope.qualified("adjacency"))
    } else {
      let count = min(max(passes ?? features, 1), features)
      let given = order ?? Array(0..<features)
      guard given.count == features else {
        throw .invalid(
          place: scope.qualified("order"), found: "\(given.count) entries",
          expected: "\(features) entries")
      }
      let width = (features + count - 1) / count
      let groups = scope.integers("order", given.map { $0 / width })
      guard groups.count == features else {
        throw .wrongTensor(
          name: scope.qualified("order"), found: "\(groups.count) elements",
          expected: "\(features) elements")
      }
      sees = { groups[$0] > groups[$1] }
      self.passes = count
    }
    let total = univariate.total
    let (known, inputs) = (features + context, features + context + circular.count)
    hyper = try network.maskedLayer(inputs, features * total, in: scope.child("hyper")) {
      var bits: [Bool] = []
      bits.reserveCapacity(features * total * inputs)
      for feature in 0..<features {
        let seen = (0..<features).map { sees(feature, $0) }
        let conditions = (features..<known).map { input in
          adjacency.map { $0.columns == features || $0[feature, input] } ?? true
        }
        for _ in 0..<total {
          bits += seen
          bits += conditions
          bits += circular.map { seen[$0] }
        }
      }
      return Mask(rows: features * total, columns: inputs, bits: bits)
    }
    self.univariate = univariate
    self.circular = circular
    self.features = features
    self.sees = sees
    path = scope.path
  }

  /// The autoregressive transform for a context [C], or for none.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    AutoregressiveTransform(passes: passes) { x in
      x.trace.inScope(path) {
        let seen = circular.isEmpty ? x : x.cosines(of: circular)
        let parts = [seen] + (context.map { [$0] } ?? [])
        let sines = circular.isEmpty ? [] : [sin(x.gather(circular))]
        let input = parts.count + sines.count > 1 ? Tensor.concatenate(parts + sines) : x
        return DependentTransform(univariate.make(univariate.unpack(hyper(input))))
      }
    }
  }

  /// Whether no other feature depends on this one.
  func isUnseen(_ feature: Int) -> Bool { !(0..<features).contains { sees($0, feature) } }

  /// Whether one feature depends on another.
  private typealias Dependence = (_ feature: Int, _ other: Int) -> Bool

  /// The dependences that an adjacency gives, and the number of generations of its graph.
  private static func dependence(
    _ adjacency: Mask, _ features: Int, _ context: Int, place: String
  ) throws(FlowError) -> (Dependence, passes: Int) {
    guard adjacency.rows == features, [features, features + context].contains(adjacency.columns)
    else {
      throw .invalid(
        place: place, found: "\(adjacency.rows) x \(adjacency.columns)",
        expected: "\(features) rows and \(features) or \(features + context) columns")
    }
    guard (0..<features).allSatisfy({ adjacency[$0, $0] }) else {
      throw .invalid(
        place: place, found: "a zero on the diagonal", expected: "ones on the diagonal")
    }
    let sees: Dependence = { $0 != $1 && adjacency[$0, $1] }
    // Topological sort: a feature is ready once all features that it depends on are.
    var missing = (0..<features).map { feature in
      (0..<features).count { sees(feature, $0) }
    }
    var ready = (0..<features).filter { missing[$0] == 0 }
    var (known, generations) = (0, 0)
    while !ready.isEmpty {
      known += ready.count
      generations += 1
      var next: [Int] = []
      for other in ready {
        for feature in 0..<features where sees(feature, other) {
          missing[feature] -= 1
          if missing[feature] == 0 { next.append(feature) }
        }
      }
      ready = next
    }
    guard known == features else { throw .cyclicAdjacency(place: place) }
    return (sees, generations)
  }
}

extension Tensor {
  /// The vector with the cosines of some of its elements in their place.
  fileprivate func cosines(of indices: [Int]) -> Tensor {
    let bits = (0..<(shape.last ?? 0)).map { indices.contains($0) ? 1.0 : 0 }
    let isAngle = trace.emit(
      .constant(Literal(bits, shape: [bits.count], dtype: .bool)), [])
    return select(isAngle, cos(self), self)
  }
}
