import FlowFiles

// The descriptions that pre-built flows stand for.
extension Model {
  static func neural(_ signal: Int, _ network: [Int]) -> [JSONValue.Member] {
    let widths = JSONValue.array(network.map { .integer($0) })
    return [
      .init("signal", .integer(signal)),
      .init("network", .object([.init("hidden_features", widths)])),
    ]
  }

  init(
    autoregressive type: String, _ features: Int, _ context: Int, _ transforms: Int,
    _ randperm: Bool, _ passes: Int?, _ hiddenFeatures: [Int], _ activation: Activation,
    _ residual: Bool, extra: [JSONValue.Member], seed: UInt64
  ) throws(FlowError) {
    var members = Self.common(type, features, context, transforms, hiddenFeatures, activation)
    if randperm { members.append(.init("randperm", .bool(true))) }
    if let passes { members.append(.init("passes", .integer(passes))) }
    if residual { members.append(.init("residual", .bool(true))) }
    try self.init(FlowDescription(.object(members + extra)), seed: seed)
  }

  init(
    coupling type: String, _ features: Int, _ context: Int, _ transforms: Int, _ randmask: Bool,
    _ hiddenFeatures: [Int], _ activation: Activation, _ normalize: Bool,
    extra: [JSONValue.Member] = [], seed: UInt64
  ) throws(FlowError) {
    var members = Self.common(type, features, context, transforms, hiddenFeatures, activation)
    if randmask { members.append(.init("randmask", .bool(true))) }
    if normalize { members.append(.init("normalize", .bool(true))) }
    try self.init(FlowDescription(.object(members + extra)), seed: seed)
  }

  static func common(
    _ type: String, _ features: Int, _ context: Int, _ transforms: Int?, _ hiddenFeatures: [Int],
    _ activation: Activation
  ) -> [JSONValue.Member] {
    [
      .init("type", .string(type)), .init("features", .integer(features)),
      .init("context", .integer(context)),
    ] + (transforms.map { [.init("transforms", .integer($0))] } ?? []) + [
      .init("hidden_features", .array(hiddenFeatures.map { .integer($0) })),
      .init("activation", .string(activation.rawValue)),
    ]
  }
}
