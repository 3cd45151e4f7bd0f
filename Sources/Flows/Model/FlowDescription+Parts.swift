import FlowFiles

extension FlowDescription {
  func univariate(_ reader: DescriptionReader) throws(FlowError) -> Univariate {
    let shapes = try reader.shapes("shapes")
    guard let json = reader["univariate"] else {
      if let shapes, shapes != [[], []] {
        throw .invalid(
          place: reader.path("shapes"), found: "\(shapes)",
          expected: "[[], []] for MonotonicAffineTransform")
      }
      return .affine()
    }
    let inner = try DescriptionReader(json, place: reader.path("univariate"))
    func check(_ expected: [[Int]]) throws(FlowError) {
      guard shapes == expected else {
        throw .invalid(
          place: reader.path("shapes"), found: reader["shapes"]?.text ?? "nothing",
          expected: "\(expected) for \(inner.type)")
      }
    }
    switch inner.type {
    case "MonotonicAffineTransform":
      try inner.allow(["slope"])
      if shapes != nil { try check([[], []]) }
      return .affine(slope: try slope(inner))
    case "AdditiveTransform":
      try inner.allow([])
      try check([[]])
      return .additive
    case "MonotonicRQSTransform":
      try inner.allow(["bound", "slope"])
      let bins = shapes?.first?.first ?? 8
      guard bins >= 2 else {
        throw FlowError.invalid(
          place: reader.path("shapes"), found: "\(bins) bins", expected: "2 or more")
      }
      try check([[bins], [bins], [bins - 1]])
      return .spline(
        bins: bins, bound: try inner.number("bound", default: 5), slope: try slope(inner))
    default:
      throw .unknownType(
        place: inner.path("type"), found: inner.type,
        known: ["MonotonicAffineTransform", "AdditiveTransform", "MonotonicRQSTransform"])
    }
  }

  func unconditional(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> any LazyTransform {
    guard let json = reader["f"] else {
      throw .invalid(place: reader.path("f"), found: "nothing", expected: "a transform")
    }
    let inner = try DescriptionReader(json, place: reader.path("f"))
    let inverse = try inner.flag("inverse")
    let isBuffer = try reader.flag("buffer")
    try inner.allow(["inverse"])
    let make: () -> any Transform
    func tensor(_ name: String, _ position: Int, _ initializer: Parameter.Initializer) -> Parameter
    {
      let isPositional = scope.registry.checkpoint.contains(scope.qualified("_\(position)"))
      let key = isPositional ? "_\(position)" : name
      return isBuffer
        ? scope.buffer(key, [features], initializer: initializer)
        : scope.parameter(key, [features], initializer: initializer)
    }
    switch inner.type {
    case "IdentityTransform": make = { IdentityTransform() }
    case "AffineTransform":
      let loc = tensor("loc", 0, .zeros)
      let scale = tensor("scale", 1, .ones)
      make = { DependentTransform(AffineTransform(loc: loc.tensor, scale: scale.tensor)) }
    case "AdditiveTransform":
      let shift = tensor("shift", 0, .zeros)
      make = { DependentTransform(AdditiveTransform(shift: shift.tensor)) }
    case "PermutationTransform":
      let isPositional = scope.registry.checkpoint.contains(scope.qualified("_0"))
      let order = scope.integers(isPositional ? "_0" : "order", Array((0..<features).reversed()))
      guard order.sorted() == Array(0..<features) else {
        throw .wrongTensor(
          name: scope.qualified("order"), found: "\(order)",
          expected: "a permutation of \(features) features")
      }
      make = { PermutationTransform(order: order) }
    default:
      throw .unknownType(
        place: inner.path("type"), found: inner.type,
        known: [
          "IdentityTransform", "AffineTransform", "AdditiveTransform", "PermutationTransform",
        ])
    }
    return UnconditionalTransform { inverse ? InverseTransform(make()) : make() }
  }

  func base(
    _ json: JSONValue, place: String, in scope: ModuleScope
  ) throws(FlowError) -> any LazyDistribution {
    let reader = try DescriptionReader(json, place: place)
    guard reader.type == "UnconditionalDistribution", let inner = reader["f"] else {
      throw .unknownType(
        place: reader.path("type"), found: reader.type, known: ["UnconditionalDistribution"])
    }
    try reader.allow(["f", "buffer"])
    let distribution = try DescriptionReader(inner, place: reader.path("f"))
    try distribution.allow([])
    switch distribution.type {
    case "DiagNormal":
      return UnconditionalDistribution.diagNormal(features: features, in: scope)
    case "BoxUniform":
      return UnconditionalDistribution.boxUniform(features: features, in: scope)
    default:
      throw .unknownType(
        place: distribution.path("type"), found: distribution.type,
        known: ["DiagNormal", "BoxUniform"])
    }
  }
}
