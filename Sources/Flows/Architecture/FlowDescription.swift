import FlowFiles

/// A flow's architecture with its numbers of features: `flowir.flow` in a model file.
///
/// In a file it is a JSON object: `type` is a Zuko class, the other keys are that class's constructor
/// arguments. `zuko` names an older release whose names and constants hold, `embedding` the layers
/// before the condition: see <doc:OlderReleases>. `before` lists transforms that stand before those of
/// the class, such as one from the data's units: see <doc:Units>. `base` is a base in place of the standard normal
/// one, such as Student's: see <doc:Columns>.
public struct FlowDescription: Hashable, Sendable {
  /// The object, as it was read or as it is written.
  public let json: JSONValue
  /// The kind of flow, with its arguments.
  public let architecture: Architecture
  /// The number of features.
  public let features: Int
  /// The number of context features; 0 for none.
  public let context: Int
  /// The release of Zuko whose names and constants hold: the one under `zuko`, else the current one.
  public let release: ZukoRelease
  /// The transforms that stand before the flow's own, each described as a part of a custom flow; of a
  /// custom flow they are the first of its list.
  public let before: [JSONValue]
  /// The base that stands in place of the class's own standard normal, described as that of a custom flow; nil
  /// for its own.
  public let base: JSONValue?
  /// The layers that the context passes through before the flow.
  let embedding: EmbeddingDescription

  /// Reads an object. The arguments are checked here; parts that a custom flow describes are checked
  /// when it is built.
  ///
  /// - Throws: `FlowError` naming the place.
  public init(_ json: JSONValue) throws(FlowError) {
    let reader = try DescriptionReader(json, place: "")
    guard let kind = Architecture.all.first(where: { $0.type == reader.type }) else {
      throw .unknownType(place: "type", found: reader.type, known: Self.types)
    }
    try self.init(kind, reader, json: json, features: nil, context: 0)
  }

  /// Describes a flow of an architecture.
  ///
  /// - Throws: `FlowError` for an argument out of its range.
  public init(
    _ architecture: Architecture, features: Int, context: Int = 0
  ) throws(FlowError) {
    try self.init(architecture, nil, json: nil, features: features, context: context)
  }

  private init(
    _ kind: Architecture, _ reader: DescriptionReader?, json: JSONValue?, features: Int?,
    context: Int
  ) throws(FlowError) {
    release = try reader?.release() ?? .current
    try reader?.check(release)
    var visitor = ArgumentVisitor(reader, release: release)
    var (kind, features, context) = (kind, features, context)
    try visitor.required("features", &features, in: 1...SizeLimit.width)
    try visitor.integer("context", &context, in: 0...SizeLimit.width)
    embedding = try EmbeddingDescription(reader, inputs: context)
    try kind.visit(&visitor)
    var extra = ["zuko", "embedding"]
    if case .custom = kind {
      (before, base) = ([], nil)
    } else {
      extra.append("before")
      before = try Self.before(reader)
      base = reader?["base"]
      if base != nil, !kind.hasNormalBase {
        throw .invalid(
          place: "base", found: "one of \(kind.type)",
          expected: "none, since its own base is no standard normal")
      }
      extra.append("base")
    }
    try reader?.allow(extra + visitor.keys)
    self.features = features ?? 0
    self.context = context
    architecture = kind
    self.json = json ?? .object([.init("type", .string(kind.type))] + visitor.members)
  }

  /// Parses the text of a description.
  ///
  /// - Throws: `JSONError` or `FlowError`.
  public init(text: String) throws {
    try self.init(JSONValue.parse(text.utf8))
  }

  /// The names of the classes that can be described.
  public static let types = Architecture.all.map(\.type)

  private static func before(_ reader: DescriptionReader?) throws(FlowError) -> [JSONValue] {
    switch reader?["before"] {
    case nil: return []
    case .array(let items): return items
    case .some(let other):
      throw .invalid(place: "before", found: other.text, expected: "a list of transforms")
    }
  }

  /// Builds the flow's modules, registering their parameters.
  func build(in scope: ModuleScope) throws(FlowError) -> Flow {
    let parts = PartReader(
      features: features, condition: embedding.outputs, hasEmbedding: !embedding.layers.isEmpty,
      release: release)
    var site = BuildSite(
      features: features, context: embedding.outputs, release: release, scope: scope, parts: parts)
    var first: [any LazyTransform] = []
    for (index, item) in before.enumerated() {
      first.append(try parts.lazy(item, place: "before[\(index)]", in: site.transform(index)))
    }
    site.before = first.count
    if let base {
      site.ownBase = try parts.base(base, place: "base", in: scope.child("base"))
    }
    var flow = try architecture.build(site)
    if !first.isEmpty {
      let own = (flow.transform as? LazyComposedTransform)?.transforms ?? [flow.transform]
      flow = Flow(transforms: first + own, base: flow.base)
    }
    return embedding.layers.isEmpty
      ? flow : flow.embedded(embedding.build(in: scope.child("embedding")))
  }
}
