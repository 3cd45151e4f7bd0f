import FlowFiles
import FlowIR

/// Parts whose transforms are made of networks.
extension PartReader {
  /// The monotonic networks of `MNN`, registered in a scope.
  func monotonic(
    _ inner: DescriptionReader, _ signal: Int, in scope: ModuleScope
  ) throws(FlowError) -> Univariate {
    try inner.allow(["signal", "stack", "hidden_features"])
    return .monotonicNetwork(
      features: features, signal: signal, network: try inner.network(), in: scope)
  }

  /// The networks of `UMNN` whose integrals are the transforms, registered in a scope.
  func integrated(
    _ inner: DescriptionReader, _ signal: Int, in scope: ModuleScope
  ) throws(FlowError) -> Univariate {
    try inner.allow(["signal", "stack", "normalize"] + Self.network)
    return .unconstrainedMonotonicNetwork(
      features: features, signal: signal,
      network: try inner.network(NetworkShape(activation: .elu), normalize: true),
      bound: release.integrandBound, in: scope)
  }

  /// A continuous transform.
  func continuous(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> FFJTransform {
    var visitor = ArgumentVisitor(reader, place: reader.place, release: release)
    var arguments = Architecture.Continuous()
    try arguments.visit(&visitor)
    try reader.allow(["features", "context"] + visitor.keys)
    return arguments.transform(features: features, context: condition, in: scope)
  }

  /// A continuous transform in the form of sbi's.
  func flowMatching(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> FlowMatchingTransform {
    let (features, context) = try size(reader)
    var shape = VectorFieldMLP.Shape()
    if let json = reader["network"] {
      let inner = try self.reader(json, place: reader.path("network"))
      guard inner.type == "VectorFieldMLP" else {
        throw .unknownType(
          place: inner.path("type"), found: inner.type, known: ["VectorFieldMLP"])
      }
      var visitor = ArgumentVisitor(inner, place: inner.place, release: release)
      try visitor.integer("hidden_features", &shape.hiddenFeatures, in: 1...SizeLimit.width)
      try visitor.integer("layers", &shape.layers, in: 0...SizeLimit.parts)
      try visitor.choice("activation", &shape.activation)
      try visitor.flag("layer_norm", &shape.layerNorm, default: true)
      try visitor.flag("skip_connections", &shape.skipConnections, default: true)
      try visitor.choice("time_embedding", &shape.timeEmbedding)
      try visitor.integer("time_features", &shape.timeFeatures, in: 2...SizeLimit.width)
      try inner.allow(visitor.keys)
      guard shape.timeFeatures % 2 == 0 else {
        throw .invalid(
          place: inner.path("time_features"), found: "\(shape.timeFeatures)",
          expected: "an even number")
      }
    }
    let width = Size(shape.hiddenFeatures)
    try scope.registry.reserve(width * width * Size(shape.layers), for: scope.path)
    var visitor = ArgumentVisitor(reader, place: reader.place, release: release)
    var control = ODEControl(steps: 1 << 14)
    try visitor.number("atol", &control.atol)
    try visitor.number("rtol", &control.rtol)
    guard control.atol >= 0, control.rtol >= 0, control.atol + control.rtol > 0 else {
      throw .invalid(
        place: reader.path("atol"), found: "\(control.atol) and \(control.rtol)",
        expected: "numbers of 0 or more, not both 0")
    }
    return FlowMatchingTransform(
      features: features, context: context, shape: shape,
      gaussianBaseline: try reader.flag("gaussian_baseline"), control: control, in: scope)
  }

  /// A block neural autoregressive transform.
  func blockAutoregressive(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> BlockAutoregressiveTransform {
    let (features, context) = try size(reader)
    let slope = try reader.number("slope", default: 0.01)
    guard slope > 0, slope.isFinite else {
      throw .invalid(
        place: reader.path("slope"), found: "\(slope)", expected: "a positive number")
    }
    let block = try reader.integer("block_features", default: 8, in: 1...SizeLimit.components)
    let width = Size(features) * Size(block)
    try scope.registry.reserve(width * width, for: scope.path)
    return BlockAutoregressiveTransform(
      features: features, context: context, blockFeatures: block,
      depth: try reader.integer("depth", default: 1, in: 0...SizeLimit.parts), slope: slope,
      in: scope)
  }

  /// A planar transform.
  func planar(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> LazyPlanarTransform {
    // A transform without context may stand in a flow with one.
    let isFree = reader["context"] == nil || reader["context"] == .integer(0)
    if !isFree { _ = try size(reader) }
    let context = isFree ? 0 : condition
    var slope: Double?
    if reader["negative_slope"] != nil {
      let found = try reader.number("negative_slope", default: 1)
      guard 0 < found, found <= 1 else {
        throw .invalid(
          place: reader.path("negative_slope"), found: "\(found)",
          expected: "a number above 0, at most 1")
      }
      slope = found
    }
    return LazyPlanarTransform(
      features: features, context: context, negativeSlope: slope,
      network: try network(reader, isGated: false), in: scope)
  }

  /// A residual transform.
  func residual(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> LazyResidualTransform {
    let isFree = reader["context"] == nil || reader["context"] == .integer(0)
    if !isFree { _ = try size(reader) }
    let lipschitz = try reader.number("lipschitz", default: 0.97)
    guard 0 < lipschitz, lipschitz < 1 else {
      throw .invalid(
        place: reader.path("lipschitz"), found: "\(lipschitz)",
        expected: "a number between 0 and 1")
    }
    return LazyResidualTransform(
      features: features, context: isFree ? 0 : condition,
      hiddenFeatures: try reader.integers("hidden_features", in: 1...SizeLimit.width) ?? [64, 64],
      lipschitz: lipschitz, series: try series(reader, lipschitz), in: scope)
  }

  /// The arguments of an estimated log-determinant.
  static let seriesKeys = ["probes", "terms", "seed"]

  /// How a residual transform estimates its log-determinant: above the limit of exact ones, or where the
  /// description asks for it.
  private func series(
    _ reader: DescriptionReader, _ lipschitz: Double
  ) throws(FlowError) -> LogDeterminantSeries? {
    guard
      features > SizeLimit.jacobian || Self.seriesKeys.contains(where: { reader[$0] != nil })
    else { return nil }
    return LogDeterminantSeries(
      probes: try reader.integer("probes", default: 8, in: 1...SizeLimit.probes),
      terms: try reader.integer("terms", default: 8, in: 1...SizeLimit.terms),
      continuation: lipschitz,
      seed: UInt64(try reader.integer("seed", default: 0, in: 0...(.max))))
  }

  /// A radial transform.
  func radial(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> LazyRadialTransform {
    let isFree = reader["context"] == nil || reader["context"] == .integer(0)
    if !isFree { _ = try size(reader) }
    return LazyRadialTransform(
      features: features, context: isFree ? 0 : condition,
      network: try network(reader, isGated: false), in: scope)
  }

  /// The network of a coupling or element-wise transform or of a base: Zuko's, or the one under `network`;
  /// the context gates its blocks, or is its only input.
  func network(
    _ reader: DescriptionReader, isGated: Bool
  ) throws(FlowError) -> HyperNetwork {
    guard let json = reader["network"] else { return try reader.network(normalize: true) }
    let inner = try self.reader(json, place: reader.path("network"))
    switch inner.type {
    case "MLP":
      try inner.allow(Self.network + ["normalize"])
      return try inner.network(normalize: true)
    case "ResidualNet":
      let shape = try blocks(inner)
      let context = isGated ? condition : 0
      return HyperNetwork { ResidualNet($0, $1, context: context, shape: shape, in: $2) }
    default:
      throw .unknownType(
        place: inner.path("type"), found: inner.type, known: ["MLP", "ResidualNet"])
    }
  }

  /// The masked network of an autoregressive transform: Zuko's, or the one under `network`.
  func maskedNetwork(_ reader: DescriptionReader) throws(FlowError) -> HyperNetwork {
    guard let json = reader["network"] else { return try reader.network(residual: true) }
    let inner = try self.reader(json, place: reader.path("network"))
    switch inner.type {
    case "MaskedMLP":
      try inner.allow(Self.network + ["residual"])
      return try inner.network(residual: true)
    case "MADE":
      let shape = try blocks(inner, residual: true)
      let features = self.features
      return HyperNetwork { (adjacency, scope) throws(FlowError) in
        try MADE(adjacency: adjacency, features: features, shape: shape, in: scope)
      }
    default:
      throw .unknownType(
        place: inner.path("type"), found: inner.type, known: ["MaskedMLP", "MADE"])
    }
  }

  private func blocks(
    _ inner: DescriptionReader, residual hasResidual: Bool = false
  ) throws(FlowError) -> BlockNetwork {
    var visitor = ArgumentVisitor(inner, place: inner.place, release: release)
    var shape = BlockNetwork()
    try visitor.integer("hidden_features", &shape.hiddenFeatures, in: 1...SizeLimit.width)
    try visitor.integer("blocks", &shape.blocks, in: 0...SizeLimit.parts)
    if hasResidual {
      try visitor.flag("residual", &shape.residual, default: true)
      try visitor.flag("activate_first", &shape.activatesFirst, default: true)
      try visitor.flag("gated", &shape.gated)
    }
    try visitor.choice("activation", &shape.activation)
    try visitor.flag("batch_norm", &shape.batchNorm)
    try visitor.integers("periodic", &shape.periodic, in: 0...SizeLimit.width)
    try inner.allow(visitor.keys)
    let periodic = shape.periodic
    guard Set(periodic).count == periodic.count, periodic.allSatisfy({ $0 < features }) else {
      throw .invalid(
        place: inner.path("periodic"), found: "\(periodic)",
        expected: "indices below \(features), each once")
    }
    return shape
  }
}
