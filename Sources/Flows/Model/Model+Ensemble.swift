import FlowFiles
import FlowIR

/// Ensembles: weighted mixtures of models in one model.
extension Model {
  /// Joins models to a mixture: log p = logsumexp(log wᵢ + log pᵢ). A sample is one of a member's, chosen by the
  /// weights, for each row by its own random number.
  ///
  /// Each member keeps its own units, bounds and embedding of the context; where data are far from zero, one centre
  /// stands before all of them, which is subtracted in float64. The density is that of the mixture where any member
  /// has one. Members may be ensembles.
  ///
  ///     let ensemble = try Model(ensemble: [a, b], weights: [2, 1])
  ///
  /// - Parameters:
  ///   - members: the models, all of the same numbers of features and context features.
  ///   - weights: a positive number for each, which need not add up to 1; nil if all count alike.
  /// - Throws: `FlowError` for members that do not fit each other, a weight that is not a positive number, or a
  ///   model that a closure built.
  public init(ensemble members: [Model], weights: [Double]? = nil) throws(FlowError) {
    guard let first = members.first else {
      throw .invalid(place: "members", found: "none", expected: "1 model or more")
    }
    let logits = try Self.logits(weights, count: members.count)
    let features = Self.commonCentre(of: members)
    let context = Self.commonCentre(members.map(\.contextUnits))
    var columns = ColumnNames()
    for (index, member) in members.enumerated() {
      let place = "members[\(index)]"
      guard member.description != nil else {
        throw .invalid(
          place: place, found: "a model that a closure built",
          expected: "a described one; join the modules of closures by FlowMixture")
      }
      for (name, found, wanted) in [
        ("features", member.features, first.features), ("context", member.context, first.context),
      ] where found != wanted {
        throw .invalid(
          place: "\(place).\(name)", found: "\(found)", expected: "\(wanted), as members[0]")
      }
      guard member.discrete == first.discrete else {
        func text(_ model: Model) -> String { "\(model.discrete.map(\.json.text))" }
        throw .invalid(
          place: "\(place).discrete", found: text(member), expected: text(first) + ", as members[0]"
        )
      }
      try columns.join(member.columns, place: place)
    }
    let members = try members.map { member throws(FlowError) in
      var member =
        try features.map { centre throws(FlowError) in try member.member(of: centre) } ?? member
      member.moveContextCentre(by: context)
      return member
    }
    let descriptions = members.compactMap(\.description)
    let description = try FlowDescription(
      .ensemble(.init(members: descriptions)), features: first.features, context: first.context)
    var sources: [String: (parameter: Parameter, values: HostArray?)] = [:]
    for (index, member) in members.enumerated() {
      let scope = Architecture.Members.scope(index, in: .root(seed: 0))
      for parameter in member.parameters {
        sources[scope.qualified(parameter.name)] = (parameter, member.values[parameter.name])
      }
    }
    let checkpoint = RenamedParameters { sources[$0]?.parameter }
    try self.init(
      description, in: ModuleScope(registry: .init(checkpoint: checkpoint, seed: 0), path: ""))
    self.columns = columns
    discrete = first.discrete
    values = initialValues(of: parameters, seed: 0)
    for (name, source) in sources { values[name] = source.values }
    values[Self.logits] = HostArray(logits, shape: [members.count])
    if features != nil || context != nil {
      try addUnits(features: features != nil, context: context != nil)
    }
    if let features { units = Self.centre(features) }
    if let context { contextUnits = Self.centre(context) }
  }

  /// The centre that stands before the contexts of all members, as `commonCentre(of:)` for rows.
  private static func commonCentre(_ units: [ColumnUnits?]) -> [Double]? {
    let known = units.compactMap(\.self)
    let isFar = known.contains { zip($0.centre, $0.scale).contains { abs($0) > 64 * $1 } }
    guard known.count == units.count, isFar else { return nil }
    return known[0].centre
  }

  private static func centre(_ centre: [Double]) -> ColumnUnits {
    ColumnUnits(centre: centre, scale: centre.map { _ in 1 })
  }

  /// Subtracts from the centre of the context's units.
  private mutating func moveContextCentre(by centre: [Double]?) {
    guard let centre, let units = contextUnits else { return }
    contextUnits = ColumnUnits(centre: zip(units.centre, centre).map(-), scale: units.scale)
  }

  private static let logits = "logits"

  /// The logs of normalised weights.
  private static func logits(_ weights: [Double]?, count: Int) throws(FlowError) -> [Double] {
    let weights = weights ?? Array(repeating: 1, count: count)
    guard weights.count == count else {
      throw .invalid(
        place: "weights", found: "\(weights.count) numbers", expected: "\(count), one a member")
    }
    for (index, weight) in weights.enumerated() where !(weight > 0 && weight.isFinite) {
      throw .invalid(
        place: "weights[\(index)]", found: "\(weight)",
        expected: "a positive number; leave out a member without weight")
    }
    let largest = weights.max() ?? 1
    let sum = weights.reduce(0) { $0 + $1 / largest }
    return weights.map { logOf($0 / largest / sum) }
  }

  /// The models of an ensemble with their weights, which add up to 1; nil for another model.
  ///
  /// Units that stand before the members as a centre alone are a part of each member's; bounds or other units of
  /// the whole are not.
  public var members: [(model: Model, weight: Double)]? {
    guard case .ensemble(let own)? = description?.architecture else { return nil }
    let logits = values[Self.logits]?.doubles ?? []
    let largest = logits.max() ?? 0
    let weights = logits.map { expOf($0 - largest) }
    let sum = weights.reduce(0, +)
    let known = Dictionary(uniqueKeysWithValues: parameters.map { ($0.name, $0) })
    return zip(own.members, weights).enumerated().compactMap { index, member in
      let place = Architecture.Members.scope(index, in: .root(seed: 0))
      let checkpoint = RenamedParameters { known[place.qualified($0)] }
      let scope = ModuleScope(registry: .init(checkpoint: checkpoint, seed: 0), path: "")
      // A description that was built as a part can be built by itself.
      guard var model = try? Model(member.0, in: scope) else { return nil }
      for parameter in model.parameters {
        model.values[parameter.name] = values[place.qualified(parameter.name)]
      }
      model.columns = columns
      model.discrete = discrete
      func centre(_ units: ColumnUnits?) -> [Double]? {
        units.flatMap { $0.scale.allSatisfy { $0 == 1 } ? $0.centre : nil }
      }
      if let centre = centre(units) { model.move(by: centre.map(-)) }
      model.moveContextCentre(by: centre(contextUnits)?.map(-))
      return (model, member.1 / sum)
    }
  }
}

extension ColumnNames {
  /// Takes the names of a member of an ensemble, which must be the same where both are known.
  fileprivate mutating func join(_ other: ColumnNames, place: String) throws(FlowError) {
    for part in [\ColumnNames.x, \ColumnNames.context] where !other[keyPath: part].isEmpty {
      guard self[keyPath: part].isEmpty || self[keyPath: part] == other[keyPath: part] else {
        throw .invalid(
          place: "\(place).columns", found: other[keyPath: part].joined(separator: ", "),
          expected: self[keyPath: part].joined(separator: ", ") + ", as the members before")
      }
      self[keyPath: part] = other[keyPath: part]
    }
  }
}
