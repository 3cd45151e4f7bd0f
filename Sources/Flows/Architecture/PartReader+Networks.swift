import FlowFiles

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
}
