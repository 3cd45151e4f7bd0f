import FlowFiles
import FlowIR

/// The architecture of a flow as a JSON object, as `flowir.flow` in a model file holds it.
///
/// `type` is a Zuko class, the other keys are that class's constructor arguments. `zuko` names an older
/// release whose names and constants hold, `embedding` the layers before the condition: see
/// <doc:OlderReleases>.
public struct FlowDescription: Hashable, Sendable {
  /// The object.
  public let json: JSONValue
  /// The number of features.
  public let features: Int
  /// The number of context features; 0 for none.
  public let context: Int
  /// The release of Zuko whose names and constants hold: the one under `zuko`, else the current one.
  public let release: ZukoRelease
  /// The layers that the context passes through before the flow.
  let embedding: EmbeddingDescription
  /// The number of features that the flow's parts are conditioned on.
  var condition: Int { embedding.outputs }

  /// Checks an object's outermost keys; the rest is checked when the flow is built.
  ///
  /// - Throws: `FlowError` naming the place.
  public init(_ json: JSONValue) throws(FlowError) {
    let reader = try DescriptionReader(json, place: "")
    self.json = json
    release = try reader.release()
    features = try reader.integer("features", default: nil, minimum: 1)
    context = try reader.integer("context", default: 0, minimum: 0)
    embedding = try EmbeddingDescription(reader, inputs: context)
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

  static let network = ["hidden_features", "activation"]

  /// Builds the flow's modules, registering their parameters.
  func build(in scope: ModuleScope) throws(FlowError) -> Flow {
    let flow = try conditioned(in: scope)
    return embedding.layers.isEmpty
      ? flow : flow.embedded(embedding.build(in: scope.child("embedding")))
  }

  /// The flow of the embedded context.
  private func conditioned(in scope: ModuleScope) throws(FlowError) -> Flow {
    let reader = try reader(json, place: "")
    let outer = ["zuko", "features", "context", "embedding"]
    let common = outer + ["transforms"] + Self.network
    switch reader.type {
    case "MAF", "NSF", "NCSF", "SOSPF", "BPF", "NAF", "UNAF":
      try reader.allow(common + ["randperm", "passes", "residual"] + own(reader.type))
      return try AutoregressiveFlows.make(
        features: features, context: condition,
        transforms: try reader.integer("transforms", default: 3, minimum: 1),
        randperm: try reader.flag("randperm"),
        passes: try reader.optionalInteger("passes", minimum: 1),
        univariate: try autoregressiveUnivariate(reader),
        network: try reader.network(["residual"]), isCircular: reader.type == "NCSF",
        softclip: hasSoftclips(reader.type) ? 11 : nil, release: release, in: scope)
    case "NICE", "RealNVP":
      try reader.allow(common + ["randmask", "normalize", "univariate", "shapes"])
      return try CouplingFlows.make(
        features: features, context: condition,
        transforms: try reader.integer("transforms", default: 3, minimum: 1),
        randmask: try reader.flag("randmask"), univariate: try univariate(reader),
        network: try reader.network(["normalize"]), release: release, in: scope)
    case "GF":
      try reader.allow(common + ["components", "normalize"])
      return GaussianizationFlows.make(
        features: features, context: condition,
        transforms: try reader.integer("transforms", default: 3, minimum: 1),
        components: try reader.integer("components", default: 8, minimum: 1),
        network: try reader.network(["normalize"]), release: release, in: scope)
    case "CNF":
      try reader.allow(outer + Self.continuous)
      return Flow(
        transform: try continuous(reader, in: release.onlyTransform(in: scope)),
        base: UnconditionalDistribution.diagNormal(
          features: features, byPosition: release.namesArgumentsByPosition,
          in: scope.child("base")))
    case "GMM": return try mixture(reader, in: scope)
    case "Flow":
      try reader.allow(outer + ["transform", "base"])
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
    case "BPF": release.hasUnboundedPolynomialFlow ? ["degree", "linear"] : ["degree"]
    case "NAF", "UNAF": ["signal", "network"]
    default: ["univariate", "shapes"]
    }
  }

  private func hasSoftclips(_ type: String) -> Bool {
    ["SOSPF", "NAF", "UNAF"].contains(type) || type == "BPF" && release.hasUnboundedPolynomialFlow
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
        slope: try slope(reader, default: release.polynomialSlope))
    case "BPF":
      let degree = try reader.integer("degree", default: 16, minimum: 0)
      univariate =
        release.hasUnboundedPolynomialFlow
        ? .squashedBernstein(degree: degree, isLinear: try reader.flag("linear"))
        : .boundedBernstein(degree: degree)
    case "NAF", "UNAF":
      let inner = try DescriptionReader(
        arguments: reader["network"] ?? .object([]), place: reader.path("network"))
      return try neuralUnivariate(
        inner, isMonotonic: reader.type == "NAF", signal: try signal(reader))
    default: univariate = try self.univariate(reader)
    }
    return { _ in univariate }
  }

  /// The minimum slope of a univariate transform; the release's for affine transforms and splines.
  func slope(
    _ reader: DescriptionReader, default fallback: Double? = nil
  ) throws(FlowError) -> Double {
    guard reader["slope"] != nil else { return fallback ?? release.slope }
    let slope = try reader.number("slope", default: 0)
    guard 0 < slope, slope < 1 else {
      throw .invalid(
        place: reader.path("slope"), found: "\(slope)", expected: "a number between 0 and 1")
    }
    return slope
  }

  /// Reads one object of the description, whose class and arguments the release has.
  func reader(_ json: JSONValue, place: String) throws(FlowError) -> DescriptionReader {
    let reader = try DescriptionReader(json, place: place)
    try reader.check(release)
    return reader
  }
}
