import FlowFiles
import FlowIR

extension PartReader {
  /// A flow of any transforms over any base.
  func flow(_ parts: Architecture.Parts, in scope: ModuleScope) throws(FlowError) -> Flow {
    let transform: any LazyTransform
    let place = scope.child("transform")
    switch parts.transform {
    case .array(let items): transform = try composed(items, place: "transform", in: place)
    case .some(let single): transform = try lazy(single, place: "transform", in: place)
    case nil:
      throw .invalid(place: "transform", found: "nothing", expected: "a list of transforms")
    }
    guard let base = parts.base else {
      throw .invalid(place: "base", found: "nothing", expected: "an UnconditionalDistribution")
    }
    return Flow(
      transform: transform, base: try self.base(base, place: "base", in: scope.child("base")))
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

  /// A transform of the data, registered in a scope.
  func lazy(
    _ json: JSONValue, place: String, in scope: ModuleScope
  ) throws(FlowError) -> any LazyTransform {
    let reader = try reader(json, place: place)
    let common =
      ["features", "context", "univariate", "shapes"]
      + (reader["network"] == nil ? Self.network : ["network"])
    switch reader.type {
    case "MaskedAutoregressiveTransform":
      try reader.allow(common + ["passes", "order", "adjacency", "residual"])
      let (features, context) = try size(reader)
      if features == 1, release.isElementWiseForOneFeature, reader["network"] == nil {
        return try elementWise(reader, in: scope)
      }
      return try MaskedAutoregressiveTransform(
        features: features, context: context,
        passes: try reader.optionalInteger("passes", in: 1...SizeLimit.width),
        order: try reader.integers("order", in: 0...SizeLimit.width),
        adjacency: try adjacency(reader), univariate: try univariate(reader, in: scope),
        network: try maskedNetwork(reader), in: scope)
    case "GeneralCouplingTransform":
      try reader.allow(common + ["mask", "normalize"])
      let (features, context) = try size(reader)
      if features == 1, release.isElementWiseForOneFeature {
        return try elementWise(reader, in: scope)
      }
      return try GeneralCouplingTransform(
        features: features, context: context, mask: try reader.booleans("mask"),
        univariate: try univariate(reader), network: try network(reader, isGated: true), in: scope)
    case "ElementWiseTransform":
      try reader.allow(common + ["normalize"])
      return try elementWise(reader, in: scope)
    case "FreeElementWiseTransform":
      try reader.allow(["features", "mask", "univariate", "shapes"])
      return try FreeElementWiseTransform(
        features: features, mask: try reader.booleans("mask"), univariate: try univariate(reader),
        in: scope)
    case "BlockAutoregressiveTransform":
      try reader.allow(["features", "context", "block_features", "depth", "slope"])
      return try blockAutoregressive(reader, in: scope)
    case "LazyPlanarTransform":
      try reader.allow(["features", "context", "negative_slope", "network"])
      return try planar(reader, in: scope)
    case "LazyRadialTransform":
      try reader.allow(["features", "context", "network"])
      return try radial(reader, in: scope)
    case "LazyResidualTransform":
      try reader.allow(
        ["features", "context", "hidden_features", "lipschitz"] + Self.seriesKeys)
      return try residual(reader, in: scope)
    case "FFJTransform":
      _ = try size(reader)
      return try continuous(reader, in: scope)
    case "FlowMatchingTransform":
      try reader.allow(["features", "context", "network", "gaussian_baseline", "atol", "rtol"])
      return try flowMatching(reader, in: scope)
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
          "FreeElementWiseTransform", "LazyPlanarTransform", "BlockAutoregressiveTransform",
          "FFJTransform", "FlowMatchingTransform", "LazyRadialTransform", "UnconditionalTransform",
          "LazyInverse", "LazyComposedTransform", "LazyResidualTransform",
        ])
    }
  }

  func size(_ reader: DescriptionReader) throws(FlowError) -> (Int, Int) {
    let found = try reader.integer("features", default: nil, in: 1...SizeLimit.width)
    guard found == features else {
      throw .invalid(
        place: reader.path("features"), found: "\(found)", expected: "\(features), as the flow")
    }
    let context = try reader.integer("context", default: 0, in: 0...SizeLimit.width)
    guard context == condition else {
      let owner = hasEmbedding ? "the embedding's outputs" : "the flow"
      throw .invalid(
        place: reader.path("context"), found: "\(context)", expected: "\(condition), as \(owner)")
    }
    return (found, context)
  }

  private func adjacency(_ reader: DescriptionReader) throws(FlowError) -> Mask? {
    let matrix = try reader.matrix("adjacency")
    if let matrix, matrix.columns > features, !release.hasContextAdjacency {
      throw .invalid(
        place: reader.path("adjacency"), found: "\(matrix.columns) columns",
        expected: "\(features) columns in Zuko \(release)")
    }
    return matrix
  }

  private func elementWise(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> any LazyTransform {
    let (features, context) = try size(reader)
    return ElementWiseTransform(
      features: features, context: context, univariate: try univariate(reader, in: scope),
      network: try network(reader, isGated: false), in: scope)
  }
}
