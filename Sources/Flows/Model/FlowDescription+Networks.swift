import FlowFiles
import FlowIR

/// Parts whose transforms are made of networks.
extension FlowDescription {
  func signal(_ reader: DescriptionReader) throws(FlowError) -> Int {
    try reader.integer("signal", default: 16, minimum: 1)
  }

  /// The monotonic networks of `MNN`, or else those of `UMNN`; `keys` may stand beside theirs.
  func neuralUnivariate(
    _ inner: DescriptionReader, isMonotonic: Bool, signal: Int, beside keys: [String] = []
  ) throws(FlowError) -> (ModuleScope) -> Univariate {
    let features = features
    if isMonotonic {
      try inner.allow(keys + ["hidden_features"])
      let network = try inner.network([])
      return { .monotonicNetwork(features: features, signal: signal, network: network, in: $0) }
    }
    try inner.allow(keys + Self.network + ["normalize"])
    var network = try inner.network(["normalize"])
    if inner["activation"] == nil { network.activation = .elu }
    let bound = release.integrandBound
    return { [network] in
      .unconstrainedMonotonicNetwork(
        features: features, signal: signal, network: network, bound: bound, in: $0)
    }
  }

  static let continuous = [
    "freqs", "atol", "rtol", "exact", "hidden_features", "activation", "normalize",
  ]

  func continuous(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> FFJTransform {
    var network = try reader.network(["normalize"])
    if reader["activation"] == nil { network.activation = .elu }
    var control = ODEControl(
      atol: try reader.number("atol", default: 1e-6), rtol: try reader.number("rtol", default: 1e-5)
    )
    // The kinks of an activation take steps in proportion to the root of the tolerance.
    if max(control.atol, control.rtol) < 1e-8 { control.steps = 1 << 14 }
    guard control.atol >= 0, control.rtol >= 0, control.atol + control.rtol > 0 else {
      throw .invalid(
        place: reader.path("atol"), found: "\(control.atol) and \(control.rtol)",
        expected: "tolerances that are not negative, and not both 0")
    }
    // False lets Zuko estimate the trace; here it is exact all the same, at the cost of an estimate.
    _ = try reader.flag("exact", default: true)
    return FFJTransform(
      features: features, context: condition,
      freqs: try reader.integer("freqs", default: 3, minimum: 1), control: control,
      network: network, in: scope)
  }
}
