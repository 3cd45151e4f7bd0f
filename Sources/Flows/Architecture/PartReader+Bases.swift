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
        known: [
          "UnconditionalDistribution", "ConditionalDiagonalNormal", "MixtureDensityNetwork",
          "AutoregressiveMixture",
        ])
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
    case "StandardStudentT":
      return UnconditionalDistribution.standardStudentT(
        features: features, buffer: buffer, in: scope)
    case "StudentT":
      guard reader["buffer"] == nil else {
        throw .invalid(
          place: reader.path("buffer"), found: "a flag", expected: "none, since it is learnt")
      }
      return UnconditionalDistribution.studentT(features: features, in: scope)
    case "StandardLogistic":
      let count = features
      return UnconditionalDistribution { StandardLogistic(features: count) }
    case "StandardLaplace":
      let count = features
      return UnconditionalDistribution { StandardLaplace(features: count) }
    case "StandardGumbel":
      let count = features
      return UnconditionalDistribution { StandardGumbel(features: count) }
    case "UniformNormal":
      return UnconditionalDistribution.uniformNormal(
        features: features, buffer: buffer, in: scope)
    default:
      throw .unknownType(
        place: distribution.path("type"), found: distribution.type,
        known: [
          "DiagNormal", "DiagonalNormal", "BoxUniform", "GeneralizedNormal", "UniformNormal",
          "StandardStudentT", "StudentT", "StandardLogistic", "StandardLaplace", "StandardGumbel",
        ])
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
    case "MixtureDensityNetwork":
      try reader.allow(["components", "epsilon"] + Self.network)
      guard condition > 0 else {
        throw .invalid(
          place: reader.path("type"), found: reader.type, expected: "a flow with a context")
      }
      let components = try components(reader)
      let above = Size(features) * Size(features) * Size(components)
      try scope.registry.reserve(above, for: scope.path)
      return MixtureDensityNetwork(
        features: features, context: condition, components: components,
        epsilon: try epsilon(reader, default: 1e-4), network: try reader.network(), in: scope)
    case "AutoregressiveMixture":
      try reader.allow(
        ["components", "epsilon"]
          + (reader["network"] == nil ? Self.network + ["residual"] : ["network"]))
      return try AutoregressiveMixtureNetwork(
        features: features, context: condition, components: try components(reader),
        epsilon: try epsilon(reader, default: 1e-2), network: try maskedNetwork(reader), in: scope)
    default: return nil
    }
  }

  private func components(_ reader: DescriptionReader) throws(FlowError) -> Int {
    try reader.integer("components", default: 10, in: 1...SizeLimit.components)
  }

  private func epsilon(
    _ reader: DescriptionReader, default fallback: Double
  ) throws(FlowError) -> Double {
    let epsilon = try reader.number("epsilon", default: fallback)
    guard epsilon >= 0, epsilon.isFinite else {
      throw .invalid(
        place: reader.path("epsilon"), found: "\(epsilon)", expected: "a number of 0 or more")
    }
    return epsilon
  }
}
