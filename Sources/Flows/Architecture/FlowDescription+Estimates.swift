import FlowFiles

extension FlowDescription {
  /// Whether a description has a transform whose log-determinant is an estimate: see ``LogDeterminantSeries``.
  public static func hasEstimate(_ json: JSONValue) -> Bool {
    switch json {
    case .array(let items): items.contains(where: hasEstimate)
    case .object(let members): isEstimate(json) || members.contains { hasEstimate($0.value) }
    case .null, .bool, .integer, .number, .string: false
    }
  }

  /// Whether a transform's own log-determinant is an estimate.
  private static func isEstimate(_ part: JSONValue) -> Bool {
    guard part["type"] == .string("LazyResidualTransform") else { return false }
    if case .integer(let features)? = part["features"], features > SizeLimit.jacobian {
      return true
    }
    return PartReader.seriesKeys.contains { part[$0] != nil }
  }

  /// A description with another seed for each estimate.
  static func redrawn(_ json: JSONValue, seed: Int) -> JSONValue {
    switch json {
    case .array(let items): return .array(items.map { redrawn($0, seed: seed) })
    case .object(var members):
      let isOwn = isEstimate(json)
      if isOwn { members.removeAll { $0.key == "seed" } }
      members = members.map { JSONValue.Member($0.key, redrawn($0.value, seed: seed)) }
      return .object(members + (isOwn ? [.init("seed", .integer(seed))] : []))
    case .null, .bool, .integer, .number, .string: return json
    }
  }
}

extension Model {
  /// Whether the log-determinant of a described transform, and so the density, is an estimate: see
  /// ``LogDeterminantSeries``.
  public var hasEstimate: Bool { description.map { FlowDescription.hasEstimate($0.json) } ?? false }

  /// The model with the probes and lengths of another seed, from 0 on, in each of its estimates. The mean of its log
  /// densities over seeds is the exact one, and their deviation the standard error of one seed's.
  ///
  /// - Throws: `FlowError` if the model was not made from a description.
  public func redrawn(seed: Int) throws(FlowError) -> Model {
    guard let description else {
      throw .invalid(
        place: "seed", found: "a model that a program built", expected: "one with a description")
    }
    return try rebuilt(
      FlowDescription(FlowDescription.redrawn(description.json, seed: seed)), adding: [])
  }
}
