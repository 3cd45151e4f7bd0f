import FlowFiles
import FlowIR

/// The layers that the context passes through before the flow: `embedding` in a description.
struct EmbeddingDescription: Hashable, Sendable {
  enum Layer: Hashable, Sendable {
    case standardize(features: Int)
    case linear(inputs: Int, outputs: Int, bias: Bool)
    case activation(Activation)
  }

  let layers: [Layer]
  /// The number of features of the embedded context.
  let outputs: Int

  /// Reads the layers for a context of `inputs` features.
  init(_ reader: DescriptionReader?, inputs: Int) throws(FlowError) {
    guard let reader, let given = reader["embedding"] else {
      (layers, outputs) = ([], inputs)
      return
    }
    guard case .array(let items) = given else {
      throw .invalid(
        place: reader.path("embedding"), found: given.text, expected: "a list of layers")
    }
    guard inputs > 0 || items.isEmpty else {
      throw .invalid(
        place: reader.path("context"), found: "0", expected: "a context for the embedding")
    }
    var width = inputs
    var layers: [Layer] = []
    for (index, item) in items.enumerated() {
      let inner = try DescriptionReader(item, place: reader.path("embedding[\(index)]"))
      let layer = try Self.layer(inner, inputs: width)
      if case .linear(_, let outputs, _) = layer { width = outputs }
      layers.append(layer)
    }
    self.layers = layers
    outputs = width
  }

  private static func layer(
    _ reader: DescriptionReader, inputs: Int
  ) throws(FlowError) -> Layer {
    switch reader.type {
    case "Standardize":
      try reader.allow([])
      return .standardize(features: inputs)
    case "Linear":
      try reader.allow(["in_features", "out_features", "bias"])
      let found = try reader.integer("in_features", default: inputs, in: 1...SizeLimit.width)
      guard found == inputs else {
        throw .invalid(
          place: reader.path("in_features"), found: "\(found)",
          expected: "\(inputs), as the features before it")
      }
      return .linear(
        inputs: inputs,
        outputs: try reader.integer("out_features", default: nil, in: 1...SizeLimit.width),
        bias: try reader.flag("bias", default: true))
    default:
      guard let activation = Activation(rawValue: reader.type) else {
        throw .unknownType(
          place: reader.path("type"), found: reader.type,
          known: ["Standardize", "Linear"] + Activation.allCases.map(\.rawValue))
      }
      try reader.allow([])
      return .activation(activation)
    }
  }

  /// Registers the layers under their places, `0`, `1`, ….
  func build(in scope: ModuleScope) -> any Flows.Layer {
    Sequential(
      layers.enumerated().map { index, layer in
        let place = scope.child("\(index)")
        switch layer {
        case .standardize(let features): return Standardize(features, in: place)
        case .linear(let inputs, let outputs, let bias):
          return Linear(inputs, outputs, bias: bias, in: place)
        case .activation(let activation): return activation
        }
      })
  }
}
