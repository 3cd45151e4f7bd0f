import FlowFiles

/// Bases of custom flows.
extension PartReader {
  func base(
    _ json: JSONValue, place: String, in scope: ModuleScope
  ) throws(FlowError) -> any LazyDistribution {
    let reader = try self.reader(json, place: place)
    if let base = try conditionalBase(reader, in: scope) { return base }
    guard reader.type == "UnconditionalDistribution", let inner = reader["f"] else {
      throw .unknownType(
        place: reader.path("type"), found: reader.type,
        known: ["UnconditionalDistribution", "ConditionalDiagonalNormal"])
    }
    try reader.allow(["f", "buffer"])
    let distribution = try self.reader(inner, place: reader.path("f"))
    try distribution.allow([])
    let buffer = try reader.flag("buffer")
    let byPosition = release.hasNamedArguments ? nil : true
    switch distribution.type {
    case "DiagNormal":
      return UnconditionalDistribution.diagNormal(
        features: features, buffer: buffer, byPosition: byPosition, in: scope)
    case "DiagonalNormal":
      return UnconditionalDistribution.logScaleNormal(
        features: features, buffer: buffer, in: scope)
    case "BoxUniform":
      return UnconditionalDistribution.boxUniform(
        features: features, buffer: buffer, byPosition: byPosition, in: scope)
    case "GeneralizedNormal":
      return UnconditionalDistribution.generalizedNormal(
        features: features, buffer: buffer, byPosition: byPosition, in: scope)
    default:
      throw .unknownType(
        place: distribution.path("type"), found: distribution.type,
        known: ["DiagNormal", "DiagonalNormal", "BoxUniform", "GeneralizedNormal"])
    }
  }

  /// A base that depends on the context; nil for another class.
  private func conditionalBase(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> (any LazyDistribution)? {
    switch reader.type {
    case "ConditionalDiagonalNormal":
      try reader.allow(reader["network"] == nil ? Self.network + ["normalize"] : ["network"])
      guard condition > 0 else {
        throw .invalid(
          place: reader.path("type"), found: reader.type, expected: "a flow with a context")
      }
      return ConditionalDiagonalNormal(
        features: features, context: condition, network: try network(reader, isGated: false),
        in: scope)
    default: return nil
    }
  }
}
