extension FlowDescription {
  /// A Gaussian mixture: a flow without transforms over the mixture.
  func mixture(_ reader: DescriptionReader, in scope: ModuleScope) throws(FlowError) -> Flow {
    try reader.allow([
      "zuko", "features", "context", "embedding", "components", "covariance_type", "tied",
      "epsilon",
      "hidden_features", "activation", "normalize",
    ])
    var type = CovarianceType.full
    if let given = reader["covariance_type"] {
      guard case .string(let name) = given, let known = CovarianceType(rawValue: name) else {
        throw .invalid(
          place: reader.path("covariance_type"), found: given.text,
          expected: "one of " + CovarianceType.allCases.map(\.rawValue).joined(separator: ", "))
      }
      type = known
    }
    let epsilon = try reader.number("epsilon", default: release.mixtureEpsilon)
    guard epsilon >= 0, epsilon.isFinite else {
      throw .invalid(
        place: reader.path("epsilon"), found: "\(epsilon)", expected: "a number of 0 or more")
    }
    let mixture = GaussianMixture(
      features: features, context: condition,
      components: try reader.integer("components", default: 2, minimum: 1), covarianceType: type,
      tied: try reader.flag("tied"), epsilon: epsilon,
      network: try reader.network(["normalize"]), in: scope)
    return Flow(transform: LazyComposedTransform([]), base: mixture)
  }
}
