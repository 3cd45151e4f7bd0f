import FlowFiles
import FlowIR

/// The architecture of a flow as a JSON object, as `flowir.flow` in a model file holds it.
///
/// `type` is a Zuko class, the other keys are that class's constructor arguments.
public struct FlowDescription: Hashable, Sendable {
  /// The object.
  public let json: JSONValue
  /// The number of features.
  public let features: Int
  /// The number of context features; 0 for none.
  public let context: Int

  /// Checks an object's outermost keys; the rest is checked when the flow is built.
  ///
  /// - Throws: `FlowError` naming the place.
  public init(_ json: JSONValue) throws(FlowError) {
    let reader = try DescriptionReader(json, place: "")
    self.json = json
    features = try reader.integer("features", default: nil, minimum: 1)
    context = try reader.integer("context", default: 0, minimum: 0)
    _ = try build(in: .root())
  }

  /// Parses the text of a description.
  ///
  /// - Throws: `JSONError` or `FlowError`.
  public init(text: String) throws {
    try self.init(JSONValue.parse(text.utf8))
  }

  /// The names of the classes that can be described.
  public static let types = [
    "MAF", "NSF", "NCSF", "NICE", "RealNVP", "SOSPF", "BPF", "GF", "NAF", "UNAF", "CNF", "GMM",
    "Flow",
  ]

  private static let network = ["hidden_features", "activation"]

  /// Builds the flow's modules, registering their parameters.
  func build(in scope: ModuleScope) throws(FlowError) -> Flow {
    let reader = try DescriptionReader(json, place: "")
    if let version = reader["zuko"], version != .string("1.6.0"), version != .string("1.6") {
      throw .invalid(place: "zuko", found: version.text, expected: "\"1.6.0\"")
    }
    let common = ["zuko", "features", "context", "transforms"] + Self.network
    switch reader.type {
    case "MAF", "NSF", "NCSF", "SOSPF", "BPF", "NAF", "UNAF":
      try reader.allow(common + ["randperm", "passes", "residual"] + own(reader.type))
      return try AutoregressiveFlows.make(
        features: features, context: context,
        transforms: try reader.integer("transforms", default: 3, minimum: 1),
        randperm: try reader.flag("randperm"),
        passes: try reader.optionalInteger("passes", minimum: 1),
        univariate: try autoregressiveUnivariate(reader),
        network: try reader.network(["residual"]), isCircular: reader.type == "NCSF",
        softclip: ["SOSPF", "NAF", "UNAF"].contains(reader.type) ? 11 : nil, in: scope)
    case "NICE", "RealNVP":
      try reader.allow(common + ["randmask", "normalize", "univariate", "shapes"])
      return try CouplingFlows.make(
        features: features, context: context,
        transforms: try reader.integer("transforms", default: 3, minimum: 1),
        randmask: try reader.flag("randmask"), univariate: try univariate(reader),
        network: try reader.network(["normalize"]), in: scope)
    case "GF":
      try reader.allow(common + ["components", "normalize"])
      return GaussianizationFlows.make(
        features: features, context: context,
        transforms: try reader.integer("transforms", default: 3, minimum: 1),
        components: try reader.integer("components", default: 8, minimum: 1),
        network: try reader.network(["normalize"]), in: scope)
    case "CNF":
      try reader.allow(["zuko", "features", "context"] + Self.continuous)
      return Flow(
        transform: try continuous(reader, in: scope.child("transform")),
        base: UnconditionalDistribution.diagNormal(features: features, in: scope.child("base")))
    case "GMM": return try mixture(reader, in: scope)
    case "Flow":
      try reader.allow(["zuko", "features", "context", "transform", "base"])
      return try custom(reader, in: scope)
    default:
      throw .unknownType(place: "type", found: reader.type, known: Self.types)
    }
  }

  /// The arguments that an autoregressive flow has beside those of MAF.
  private func own(_ type: String) -> [String] {
    switch type {
    case "NSF", "NCSF": ["bins", "slope"]
    case "SOSPF": ["degree", "polynomials", "slope"]
    case "BPF": ["degree"]
    case "NAF", "UNAF": ["signal", "network"]
    default: ["univariate", "shapes"]
    }
  }

  private func autoregressiveUnivariate(
    _ reader: DescriptionReader
  ) throws(FlowError) -> (ModuleScope) -> Univariate {
    let univariate: Univariate
    switch reader.type {
    case "NSF", "NCSF":
      let bins = try reader.integer("bins", default: 8, minimum: 2)
      let slope = try slope(reader)
      univariate =
        reader.type == "NCSF"
        ? .circularSpline(bins: bins, slope: slope) : .spline(bins: bins, slope: slope)
    case "SOSPF":
      univariate = .sumOfSquares(
        degree: try reader.integer("degree", default: 4, minimum: 0),
        polynomials: try reader.integer("polynomials", default: 3, minimum: 1),
        slope: try slope(reader))
    case "BPF":
      univariate = .boundedBernstein(degree: try reader.integer("degree", default: 16, minimum: 0))
    case "NAF", "UNAF": return try neuralUnivariate(reader)
    default: univariate = try self.univariate(reader)
    }
    return { _ in univariate }
  }

  private func neuralUnivariate(
    _ reader: DescriptionReader
  ) throws(FlowError) -> (ModuleScope) -> Univariate {
    let features = features
    let signal = try reader.integer("signal", default: 16, minimum: 1)
    let inner = try DescriptionReader(
      arguments: reader["network"] ?? .object([]), place: reader.path("network"))
    if reader.type == "NAF" {
      try inner.allow(["hidden_features"])
      let network = try inner.network([])
      return { .monotonicNetwork(features: features, signal: signal, network: network, in: $0) }
    }
    try inner.allow(Self.network + ["normalize"])
    var network = try inner.network(["normalize"])
    if inner["activation"] == nil { network.activation = .elu }
    return { [network] in
      .unconstrainedMonotonicNetwork(features: features, signal: signal, network: network, in: $0)
    }
  }

  func slope(_ reader: DescriptionReader) throws(FlowError) -> Double {
    let slope = try reader.number("slope", default: 1e-3)
    guard 0 < slope, slope < 1 else {
      throw .invalid(
        place: reader.path("slope"), found: "\(slope)", expected: "a number between 0 and 1")
    }
    return slope
  }

  private func custom(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> Flow {
    let transform: any LazyTransform
    let place = scope.child("transform")
    switch reader["transform"] {
    case .array(let items):
      transform = try composed(items, place: reader.path("transform"), in: place)
    case .some(let single):
      transform = try lazy(single, place: reader.path("transform"), in: place)
    case nil:
      throw .invalid(
        place: reader.path("transform"), found: "nothing", expected: "a list of transforms")
    }
    guard let base = reader["base"] else {
      throw .invalid(
        place: reader.path("base"), found: "nothing", expected: "an UnconditionalDistribution")
    }
    return Flow(
      transform: transform,
      base: try self.base(base, place: reader.path("base"), in: scope.child("base")))
  }

  private func composed(
    _ items: [JSONValue], place: String, in scope: ModuleScope
  ) throws(FlowError) -> any LazyTransform {
    var parts: [any LazyTransform] = []
    for (index, item) in items.enumerated() {
      parts.append(
        try lazy(
          item, place: "\(place)[\(index)]",
          in: scope.child("transforms").child("\(index)")))
    }
    return LazyComposedTransform(parts)
  }

  private func lazy(
    _ json: JSONValue, place: String, in scope: ModuleScope
  ) throws(FlowError) -> any LazyTransform {
    let reader = try DescriptionReader(json, place: place)
    let common = ["features", "context", "univariate", "shapes"] + Self.network
    switch reader.type {
    case "MaskedAutoregressiveTransform":
      try reader.allow(common + ["passes", "order", "adjacency", "residual"])
      let (features, context) = try size(reader)
      if features == 1 { return try elementWise(reader, in: scope) }
      return try MaskedAutoregressiveTransform(
        features: features, context: context,
        passes: try reader.optionalInteger("passes", minimum: 1),
        order: try reader.integers("order", minimum: 0),
        adjacency: try reader.matrix("adjacency"), univariate: try univariate(reader),
        network: try reader.network(["residual"]), in: scope)
    case "GeneralCouplingTransform":
      try reader.allow(common + ["mask", "normalize"])
      let (features, context) = try size(reader)
      if features == 1 { return try elementWise(reader, in: scope) }
      return try GeneralCouplingTransform(
        features: features, context: context, mask: try reader.booleans("mask"),
        univariate: try univariate(reader), network: try reader.network(["normalize"]), in: scope)
    case "ElementWiseTransform":
      try reader.allow(common + ["normalize"])
      return try elementWise(reader, in: scope)
    case "FFJTransform":
      try reader.allow(["features", "context"] + Self.continuous)
      _ = try size(reader)
      return try continuous(reader, in: scope)
    case "LazyInverse":
      try reader.allow(["transform"])
      guard let inner = reader["transform"] else {
        throw .invalid(
          place: reader.path("transform"), found: "nothing", expected: "a transform")
      }
      return LazyInverse(
        try lazy(inner, place: reader.path("transform"), in: scope.child("transform")))
    case "LazyComposedTransform":
      try reader.allow(["transforms"])
      guard case .array(let items)? = reader["transforms"] else {
        throw .invalid(
          place: reader.path("transforms"), found: reader["transforms"]?.text ?? "nothing",
          expected: "a list of transforms")
      }
      return try composed(items, place: reader.path("transforms"), in: scope)
    case "UnconditionalTransform":
      try reader.allow(["f", "buffer"])
      return try unconditional(reader, in: scope)
    default:
      throw .unknownType(
        place: reader.path("type"), found: reader.type,
        known: [
          "MaskedAutoregressiveTransform", "GeneralCouplingTransform", "ElementWiseTransform",
          "FFJTransform", "UnconditionalTransform", "LazyInverse", "LazyComposedTransform",
        ])
    }
  }

  func size(_ reader: DescriptionReader) throws(FlowError) -> (Int, Int) {
    let found = try reader.integer("features", default: nil, minimum: 1)
    guard found == features else {
      throw .invalid(
        place: reader.path("features"), found: "\(found)", expected: "\(features), as the flow")
    }
    let context = try reader.integer("context", default: 0, minimum: 0)
    guard context == self.context else {
      throw .invalid(
        place: reader.path("context"), found: "\(context)",
        expected: "\(self.context), as the flow")
    }
    return (found, context)
  }

  private func elementWise(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> any LazyTransform {
    let (features, context) = try size(reader)
    return ElementWiseTransform(
      features: features, context: context, univariate: try univariate(reader),
      network: try reader.network(["normalize"]), in: scope)
  }
}
