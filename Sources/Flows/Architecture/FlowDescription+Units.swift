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

  /// From between bounds to the whole line, with the buffers `lower` and `upper`.
  private static let fromBounds = JSONValue.object([
    .init("type", .string("UnconditionalTransform")),
    .init("f", .object([.init("type", .string("BoundsTransform"))])),
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
  var hasUnits: Bool { listed.first.map(Self.isFromUnits) ?? false }

  /// Whether the flow begins with a transform from between bounds.
  public var hasBounds: Bool {
    guard let first = listed.first else { return false }
    return first["type"] == .string("UnconditionalTransform")
      && first["f"]?["type"] == .string("BoundsTransform") && first["f"]?["inverse"] == nil
  }

  /// Whether a transform from units follows one from between bounds.
  var hasUnboundedUnits: Bool {
    hasBounds && listed.dropFirst().first.map(Self.isFromUnits) ?? false
  }

  private static func isFromUnits(_ first: JSONValue) -> Bool {
    first["type"] == .string("UnconditionalTransform") && first["buffer"] == .bool(true)
      && first["f"]?["type"] == .string("AffineTransform") && first["f"]?["inverse"] == .bool(true)
  }

  /// Whether the layers before the condition begin with `Standardize`.
  var hasContextUnits: Bool {
    if case .standardize? = embedding.layers.first { true } else { false }
  }

  /// Where the tensors of the first transform are.
  var unitsPath: String { path(ofTransform: 0) }

  /// Where the tensors of a transform of the list are.
  func path(ofTransform index: Int) -> String {
    let root = ModuleScope.root(seed: 0)
    guard case .custom(let parts) = architecture else {
      return release.transforms(in: root).child("\(index)").path
    }
    if case .array? = parts.transform { return "transform.transforms.\(index)" }
    return "transform"
  }

  /// Where the tensors of the first layer before the condition are.
  var contextUnitsPath: String { "embedding.0" }

  /// Whether the features may be shifted and scaled. Those of `NCSF`, and of an ensemble that has one, are
  /// angles in [-π, π), which may not.
  public var canHaveUnits: Bool {
    switch architecture {
    case .ncsf: false
    case .ensemble(let own): own.members.allSatisfy(\.canHaveUnits)
    case .maf, .nsf, .sospf, .bpf, .naf, .unaf, .nice, .realNVP, .gf, .cnf, .gmm, .custom: true
    }
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
    if features, canHaveUnits, !hasUnits, !hasUnboundedUnits {
      var list = listed
      list.insert(Self.fromUnits, at: hasBounds ? 1 : 0)
      put(listKey, .array(list), in: &members)
    }
    if context, self.context > 0, !hasContextUnits {
      var layers: [JSONValue] = []
      if case .array(let items)? = json["embedding"] { layers = items }
      put("embedding", .array([Self.standardize] + layers), in: &members)
    }
    return try FlowDescription(.object(members))
  }

  /// The description of the same flow of features between bounds: it begins with a transform to the whole
  /// line. What the flow has already is not added again.
  ///
  /// - Throws: `FlowError` for `NCSF`, whose features are angles.
  public func bounded() throws(FlowError) -> FlowDescription {
    guard case .object(var members) = json, !hasBounds else { return self }
    guard canHaveUnits else {
      throw .invalid(
        place: "bounds", found: "NCSF", expected: "another flow; its features are angles")
    }
    put(listKey, .array([Self.fromBounds] + listed), in: &members)
    return try FlowDescription(.object(members))
  }

  /// The description of the same flow after one more transform, which stands behind those from bounds and from the
  /// data's units.
  ///
  /// - Throws: `FlowError` for `NCSF`, whose features are angles, and for a transform that does not fit.
  package func prefixed(by transform: JSONValue) throws(FlowError) -> FlowDescription {
    guard case .object(var members) = json else { return self }
    guard canHaveUnits else {
      throw .invalid(
        place: listKey, found: "NCSF", expected: "another flow; its features are angles")
    }
    var list = listed
    let place = hasUnboundedUnits ? 2 : hasBounds || hasUnits ? 1 : 0
    list.insert(transform, at: place)
    put(listKey, .array(list), in: &members)
    return try FlowDescription(.object(members))
  }

  /// The key of the list of transforms that others are put before.
  private var listKey: String {
    if case .custom = architecture { "transform" } else { "before" }
  }

  private func put(_ key: String, _ value: JSONValue, in members: inout [JSONValue.Member]) {
    if let place = members.firstIndex(where: { $0.key == key }) {
      members[place] = .init(key, value)
    } else {
      let place = members.lastIndex { ["features", "context", "before"].contains($0.key) }
      members.insert(.init(key, value), at: (place ?? members.count - 1) + 1)
    }
  }
}
