import FlowFiles

/// Descriptions of flows in the data's units.
extension FlowDescription {
  /// `x -> (x - loc) / scale`, with the buffers `loc` and `scale`.
  private static let fromUnits = JSONValue.object([
    .init("type", .string("UnconditionalTransform")),
    .init(
      "f",
      .object([.init("type", .string("AffineTransform")), .init("inverse", .bool(true))])),
    .init("buffer", .bool(true)),
  ])

  private static let standardize = JSONValue.object([.init("type", .string("Standardize"))])

  /// All transforms that are listed: those before the flow's own, or those of a custom flow.
  private var listed: [JSONValue] {
    guard case .custom(let parts) = architecture else { return before }
    switch parts.transform {
    case .array(let items): return items
    case .some(let single): return [single]
    case nil: return []
    }
  }

  /// Whether the flow begins with a transform from the data's units: the inverse of an `AffineTransform`
  /// whose tensors are buffers.
  var hasUnits: Bool {
    guard let first = listed.first else { return false }
    return first["type"] == .string("UnconditionalTransform") && first["buffer"] == .bool(true)
      && first["f"]?["type"] == .string("AffineTransform") && first["f"]?["inverse"] == .bool(true)
  }

  /// Whether the layers before the condition begin with `Standardize`.
  var hasContextUnits: Bool {
    if case .standardize? = embedding.layers.first { true } else { false }
  }

  /// Where the tensors of the first transform are.
  var unitsPath: String {
    let root = ModuleScope.root(seed: 0)
    guard case .custom(let parts) = architecture else {
      return release.transforms(in: root).child("0").path
    }
    if case .array? = parts.transform { return "transform.transforms.0" }
    return "transform"
  }

  /// Where the tensors of the first layer before the condition are.
  var contextUnitsPath: String { "embedding.0" }

  /// Whether the features may be shifted and scaled. Those of `NCSF` are angles in [-π, π), which may
  /// not.
  public var canHaveUnits: Bool {
    if case .ncsf = architecture { false } else { true }
  }

  /// The description of the same flow over standardized data: it begins with a transform from the
  /// data's units, and its context passes through `Standardize` first. What the flow has already is not
  /// added again; features of `NCSF`, which are angles, stay as they are.
  ///
  /// - Parameters:
  ///   - features: whether the features are standardized.
  ///   - context: whether the context is standardized.
  /// - Throws: `FlowError` for a description that does not fit.
  public func standardized(
    features: Bool = true, context: Bool = true
  ) throws(FlowError) -> FlowDescription {
    guard case .object(var members) = json else { return self }
    func put(_ key: String, _ value: JSONValue) {
      if let place = members.firstIndex(where: { $0.key == key }) {
        members[place] = .init(key, value)
      } else {
        let place = members.lastIndex { ["features", "context", "before"].contains($0.key) }
        members.insert(.init(key, value), at: (place ?? members.count - 1) + 1)
      }
    }
    if features, canHaveUnits, !hasUnits {
      var key = "before"
      if case .custom = architecture { key = "transform" }
      put(key, .array([Self.fromUnits] + listed))
    }
    if context, self.context > 0, !hasContextUnits {
      var layers: [JSONValue] = []
      if case .array(let items)? = json["embedding"] { layers = items }
      put("embedding", .array([Self.standardize] + layers))
    }
    return try FlowDescription(.object(members))
  }
}
