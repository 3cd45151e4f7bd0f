import FlowIR

/// A lazy masked autoregressive transform (Papamakarios et al., "Masked autoregressive flow for
/// density estimation", 2017, arXiv:1705.07057).
public struct MaskedAutoregressiveTransform: LazyTransform {
  private let hyper: any Layer
  private let univariate: Univariate
  /// How many passes of the hyper-network the definition of the inverse takes.
  public let passes: Int
  private let path: String

  /// Registers the buffer `order` and the network `hyper`.
  ///
  /// - Parameters:
  ///   - features: the number of features.
  ///   - context: the number of context features; 0 for none.
  ///   - passes: how many groups of features are transformed one after the other; all features on
  ///     their own if nil, 2 for coupling.
  ///   - order: the place of each feature; ascending if nil.
  ///   - adjacency: which features (rows) depend on which features and context features
  ///     (columns), with ones on the diagonal; replaces `order` and `passes`.
  ///   - univariate: the transform of one feature.
  ///   - network: the masked network that gives its parameters.
  ///   - scope: where they are registered.
  /// - Throws: `FlowError` for an order or adjacency that does not fit.
  public init(
    features: Int, context: Int = 0, passes: Int? = nil, order: [Int]? = nil,
    adjacency: Mask? = nil, univariate: Univariate = .affine(),
    network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) throws(FlowError) {
    let rows: [[Bool]]
    var contextRows: [[Bool]]?
    if let adjacency {
      guard adjacency.rows == features,
        [features, features + context].contains(adjacency.columns)
      else {
        throw .invalid(
          place: scope.qualified("adjacency"),
          found: "\(adjacency.rows) x \(adjacency.columns)",
          expected: "\(features) rows and \(features) or \(features + context) columns")
      }
      guard (0..<features).allSatisfy({ adjacency[$0, $0] }) else {
        throw .invalid(
          place: scope.qualified("adjacency"), found: "a zero on the diagonal",
          expected: "ones on the diagonal")
      }
      rows = (0..<features).map { i in
        (0..<features).map { j in i != j && adjacency[i, j] }
      }
      if adjacency.columns > features {
        contextRows = (0..<features).map { i in
          (features..<features + context).map { adjacency[i, $0] }
        }
      }
      self.passes = try Self.depth(rows, place: scope.qualified("adjacency"))
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
      rows = (0..<features).map { i in (0..<features).map { j in groups[i] > groups[j] } }
      self.passes = count
    }
    let total = univariate.total
    var bits: [Bool] = []
    for feature in 0..<features {
      let seen =
        rows[feature] + (contextRows?[feature] ?? Array(repeating: true, count: context))
      for _ in 0..<total { bits += seen }
    }
    hyper = try network.maskedLayer(
      Mask(rows: features * total, columns: features + context, bits: bits),
      in: scope.child("hyper"))
    self.univariate = univariate
    path = scope.path
  }

  /// The autoregressive transform for a context [C], or for none.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    AutoregressiveTransform(passes: passes) { x in
      x.trace.inScope(path) {
        let input = context.map { Tensor.concatenate([x, $0]) } ?? x
        return DependentTransform(univariate.make(univariate.unpack(hyper(input))))
      }
    }
  }

  /// The number of generations of the dependence graph.
  private static func depth(_ rows: [[Bool]], place: String) throws(FlowError) -> Int {
    var known = [Int?](repeating: nil, count: rows.count)
    for generation in 0..<rows.count {
      let ready = rows.indices.filter { node in
        known[node] == nil
          && rows.indices.allSatisfy {
            !rows[node][$0] || (known[$0].map { $0 < generation } ?? false)
          }
      }
      if ready.isEmpty { break }
      for node in ready { known[node] = generation }
    }
    guard known.allSatisfy({ $0 != nil }) else { throw .cyclicAdjacency(place: place) }
    return (known.compactMap(\.self).max() ?? 0) + 1
  }
}
