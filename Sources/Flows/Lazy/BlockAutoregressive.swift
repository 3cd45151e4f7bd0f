import FlowIR

/// A network that is itself an autoregressive transform: each feature has a block of units, which increase with
/// their own feature and see the units of earlier features (De Cao et al., "Block Neural Autoregressive Flow",
/// 2019, arXiv:1904.04676), as flowjax has it.
///
/// The weights of a block's own units are the softplus of parameters; the rows of each layer's weight have
/// the norm `softplus(scale)`. Between layers stands `tanh(x) + slope x`, which reaches all numbers.
public struct BlockAutoregressiveTransform: LazyTransform {
  private struct Layer {
    let weight: Parameter
    let scale: Parameter
    let bias: Parameter
    /// The numbers of outputs and inputs in a block.
    let block: (rows: Int, columns: Int)
  }

  private let features: Int
  private let layers: [Layer]
  private let context: Parameter?
  private let slope: Double
  private let path: String

  /// Registers the layers `layers.0`, `layers.1`, …, each with `weight`, `scale` and `bias`, and
  /// `context_layer.weight` if there is a context, which is added to the first layer.
  ///
  /// - Parameters:
  ///   - features: the number of features.
  ///   - context: the number of context features; 0 for none.
  ///   - blockFeatures: the number of hidden units of a feature in each layer.
  ///   - depth: the number of hidden layers.
  ///   - slope: the least slope of the function between layers, positive.
  ///   - scope: where they are registered.
  public init(
    features: Int, context: Int = 0, blockFeatures: Int = 8, depth: Int = 1, slope: Double = 0.01,
    in scope: ModuleScope
  ) {
    let widths = [1] + Array(repeating: blockFeatures, count: depth) + [1]
    layers = zip(widths, widths.dropFirst()).enumerated().map { index, width in
      let place = scope.child("layers").child("\(index)")
      let (rows, columns) = (features * width.1, features * width.0)
      let bound = 1 / Double(columns).squareRoot()
      return Layer(
        weight: place.parameter("weight", [rows, columns], initializer: .uniform(bound: bound)),
        scale: place.parameter("scale", [rows], initializer: .zeros),
        bias: place.parameter("bias", [rows], initializer: .uniform(bound: bound)),
        block: (width.1, width.0))
    }
    let isGiven = context > 0 && depth > 0
    let bound = 1 / Double(max(context, 1)).squareRoot()
    self.context =
      isGiven
      ? scope.child("context_layer").parameter(
        "weight", [features * blockFeatures, context], initializer: .uniform(bound: bound)) : nil
    self.features = features
    self.slope = slope
    path = scope.path
  }

  /// The weights of a layer between a feature's own units, and those from earlier features' units.
  private func weights(_ layer: Layer) -> (own: Tensor, earlier: Tensor) {
    let raw = layer.weight.tensor
    func mask(_ holds: (Int, Int) -> Bool) -> Tensor {
      let (rows, columns) = (features * layer.block.rows, features * layer.block.columns)
      let bits = (0..<rows).flatMap { row in
        (0..<columns).map {
          holds(row / layer.block.rows, $0 / layer.block.columns) ? 1.0 : 0
        }
      }
      return raw.trace.constant(bits, shape: [rows, columns])
    }
    let own = softplus(raw) * mask(==)
    let earlier = raw * mask(>)
    let norm = sqrt(square(own).sum(axis: -1) + square(earlier).sum(axis: -1))
    let factor = (softplus(layer.scale.tensor) / norm).expandedLast()
    return (own * factor, earlier * factor)
  }

  /// For each layer the weights of a feature's own units, and what its inputs from earlier features and the
  /// context add up to.
  private func given(_ x: Tensor, _ context: Tensor?) -> [(own: Tensor, earlier: Tensor)] {
    var units = x
    return layers.enumerated().map { index, layer in
      let weights = weights(layer)
      var rest = layer.bias.tensor
      if index == 0, let weight = self.context, let context {
        rest = context.linear(weight.tensor) + rest
      }
      let earlier = units.linear(weights.earlier) + rest
      if index + 1 < layers.count { units = bend(units.linear(weights.own) + earlier) }
      return (weights.own, earlier)
    }
  }

  private func bend(_ x: Tensor) -> Tensor { tanh(x) + slope * x }

  /// The transform for a context [C], or for none; its inverse finds one root for each feature in turn.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    AutoregressiveTransform(passes: features) { x in
      x.trace.inScope(path) {
        // Computed outside of the function of one feature, whose derivative leaves it alone.
        let given = given(x, context)
        return DependentTransform(
          MonotonicTransform { own in
            given.enumerated().reduce(own) { units, layer in
              let next = units.linear(layer.element.own) + layer.element.earlier
              return layer.offset + 1 < given.count ? bend(next) : next
            }
          })
      }
    }
  }
}
