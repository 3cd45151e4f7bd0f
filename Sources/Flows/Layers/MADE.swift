import FlowIR

/// A masked network of one width (Germain et al., "MADE", 2015, arXiv:1502.03509), with the names that
/// nflows gives its parameters.
///
/// Each input and unit has a degree: a unit sees inputs and units of no higher degree, the outputs for a
/// feature those of lower degree. The context is added to the first layer and in each residual block; the
/// outputs for the first feature see nothing, the context neither.
public struct MADE: Layer {
  private struct Block {
    let norms: [BatchNorm]
    let layers: [MaskedLinear]
    let context: Linear?
  }

  private let features: Int
  private let shape: BlockNetwork
  private let preprocessing: PeriodicFeatures?
  private let initial: MaskedLinear
  private let context: Linear?
  private let blocks: [Block]
  private let final: MaskedLinear

  /// Registers `initial_layer`, `context_layer`, the layers of `blocks.0`, `blocks.1`, … and
  /// `final_layer`.
  ///
  /// - Parameters:
  ///   - adjacency: which outputs depend on which inputs: features in some order, and the context.
  ///   - features: how many of the inputs, the first ones, are features; the others are the context.
  ///   - shape: the blocks.
  ///   - scope: where they are registered.
  /// - Throws: `FlowError` if the features stand in no order, or if the layers are not the checkpoint's.
  public init(
    adjacency: Mask, features: Int, shape: BlockNetwork = BlockNetwork(), in scope: ModuleScope
  ) throws(FlowError) {
    let outputs = adjacency.rows
    let width = shape.hiddenFeatures
    let conditions = adjacency.columns - features
    let inputs = try Self.degrees(adjacency, features, place: scope.path)
    let top = max(1, features - 1)
    let units = (0..<width).map { $0 % top + min(1, features - 1) }
    func layer(
      _ rows: [Int], _ columns: [Int], _ place: ModuleScope, _ sees: (Int, Int) -> Bool
    ) throws(FlowError) -> MaskedLinear {
      try MaskedLinear(rows: rows.count, columns: columns.count, in: place) {
        Mask(
          rows: rows.count, columns: columns.count,
          bits: rows.flatMap { row in columns.map { sees(row, $0) } })
      }
    }
    func context(_ place: ModuleScope) -> Linear? {
      conditions > 0 ? Linear(conditions, width, in: place.child("context_layer")) : nil
    }
    self.features = features
    self.shape = shape
    preprocessing = shape.preprocessing(features, in: scope)
    initial = try layer(units, inputs, scope.child("initial_layer"), >=)
    self.context = context(scope)
    var blocks: [Block] = []
    for index in 0..<shape.blocks {
      let place = scope.child("blocks").child("\(index)")
      guard shape.residual else {
        blocks.append(
          Block(
            norms: shape.batchNorm ? [BatchNorm(width, in: place.child("batch_norm"))] : [],
            layers: [try layer(units, units, place.child("linear"), >=)], context: nil))
        continue
      }
      let layers = place.child("linear_layers")
      blocks.append(
        Block(
          norms: shape.norms(in: place),
          layers: [
            try layer(units, units, layers.child("0"), >=),
            try layer(units, units, layers.child("1"), >=),
          ], context: context(place)))
    }
    self.blocks = blocks
    let count = outputs / max(features, 1)
    final = try layer(
      (0..<outputs).map { inputs[$0 / count] }, units, scope.child("final_layer"), >)
  }

  /// The outputs for features and the context along the last axis.
  public func callAsFunction(_ x: Tensor) -> Tensor {
    let activation = shape.activation
    let condition = context == nil ? nil : x.slice(features, x.shape.last ?? 0)
    func applied(_ layer: MaskedLinear, _ h: Tensor) -> Tensor {
      // A layer that sees nothing is its bias.
      layer.mask.count > 0 ? layer(h) : layer.bias.tensor
    }
    let input = context == nil ? x : x.slice(0, features)
    var h = applied(initial, preprocessing?(input) ?? input)
    if let context, let condition {
      let change = context(condition)
      h = h + (shape.activatesFirst ? activation(change) : change)
    }
    if shape.activatesFirst && !shape.residual { h = activation(h) }
    for block in blocks {
      guard shape.residual else {
        h = activation(applied(block.layers[0], block.norms.first?(h) ?? h))
        continue
      }
      var change = applied(block.layers[0], activation(block.norms.first?(h) ?? h))
      let added = block.context.flatMap { context in condition.map { context($0) } }
      if let added, !shape.gated { change = change + added }
      change = applied(block.layers[1], activation(block.norms.last?(change) ?? change))
      if let added, shape.gated { change = change * sigmoid(added) }
      h = h + change
    }
    return applied(final, h)
  }

  /// The degree of each feature: one more than the features that it depends on.
  private static func degrees(
    _ adjacency: Mask, _ features: Int, place: String
  ) throws(FlowError) -> [Int] {
    let count = adjacency.rows / max(features, 1)
    func sees(_ feature: Int, _ other: Int) -> Bool { adjacency[feature * count, other] }
    let degrees = (0..<features).map { feature in
      1 + (0..<features).count { sees(feature, $0) }
    }
    for feature in 0..<features {
      for other in 0..<features where sees(feature, other) != (degrees[feature] > degrees[other]) {
        throw .invalid(
          place: place, found: "a dependence that is no order of the features",
          expected: "'order' or 'passes' instead of 'adjacency' for a MADE")
      }
    }
    return degrees
  }
}
