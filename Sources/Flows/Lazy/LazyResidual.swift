/// A lazy residual transform, `x + g(x)` with a network `g` that is a contraction whatever its parameters are.
///
/// The network is that of normflows: layers of `swish(x) = x σ(softplus(β) x) / 1.1`, whose slope is at most 1, each
/// before a linear layer. The product of upper bounds of the linear layers' norms bounds how much the
/// network stretches; where that is more than the constant, its output is scaled down to it. The bound of a norm is
/// that of `(WᵀW)^256` by Frobenius's norm (Delattre et al., "Efficient Bound of Lipschitz Constant for Convolutional
/// Layers by Gram Iteration", 2023, arXiv:2305.16173), which exceeds the norm by less than a percent. It is found once
/// when the parameters are loaded, and at each step of training.
///
/// The log-determinant is exact, by the Jacobian of each row, or with a `series` an unbiased estimate, which is meant
/// for many features.
public struct LazyResidualTransform: LazyTransform {
  private struct Block {
    let beta: Parameter
    let weight: Parameter
    let bias: Parameter
  }

  private let blocks: [Block]
  private let features: Int
  private let lipschitz: Double
  private let series: LogDeterminantSeries?
  private let path: String

  /// Registers the layers of the network `net`: `net.0.beta`, `net.1.weight`, `net.1.bias`, `net.2.beta` and so on. A
  /// context is a further input of the first linear layer.
  ///
  /// - Parameters:
  ///   - features: the number of features.
  ///   - context: the number of context features; 0 for none.
  ///   - hiddenFeatures: the widths of the hidden layers.
  ///   - lipschitz: the constant of the network, between 0 and 1.
  ///   - series: how the log-determinant is estimated; nil for the exact one. Transforms in different places of a
  ///     model draw different probes from one seed.
  ///   - scope: where it is registered.
  public init(
    features: Int, context: Int = 0, hiddenFeatures: [Int] = [64, 64], lipschitz: Double = 0.97,
    series: LogDeterminantSeries? = nil, in scope: ModuleScope
  ) {
    precondition(
      0 < lipschitz && lipschitz < 1, "a contraction needs a constant between 0 and 1")
    let widths = [features] + hiddenFeatures + [features]
    let net = scope.child("net")
    blocks = (0..<widths.count - 1).map { index in
      let (inputs, outputs) = (widths[index] + (index == 0 ? context : 0), widths[index + 1])
      let linear = net.child("\(2 * index + 1)")
      let bound = 1 / Double(inputs).squareRoot()
      // The last layer begins near 0, so that the transform changes little.
      let isLast = index == widths.count - 2
      return Block(
        beta: net.child("\(2 * index)").parameter("beta", [1], initializer: .values([0.5])),
        weight: linear.parameter(
          "weight", [outputs, inputs], initializer: .uniform(bound: isLast ? bound / 10 : bound)),
        bias: linear.parameter(
          "bias", [outputs], initializer: isLast ? .zeros : .uniform(bound: bound)))
    }
    self.features = features
    self.lipschitz = lipschitz
    path = scope.path
    self.series = series.map { series in
      var own = series
      // Fowler, Noll and Vo's hash of the place.
      own.seed = scope.path.utf8.reduce(series.seed ^ 0xcbf2_9ce4_8422_2325) {
        ($0 ^ UInt64($1)) &* 0x100_0000_01b3
      }
      return own
    }
  }

  /// The transform for a context [C], or for none.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    if let series {
      return ResidualSeriesTransform(lipschitz: lipschitz, series: series) { x in
        x.trace.inScope(path) {
          let (value, layers, scale) = evaluated(x, context)
          return (value, { vectors in along(vectors, layers) * scale })
        }
      }
    }
    return ResidualTransform { x in
      x.trace.inScope(path) {
        let (value, layers, scale) = evaluated(x, context)
        // The Jacobian is carried along transposed, [D, width].
        guard let first = layers.first else { return (value, value.reshaped([1, 1])) }
        let start = first.weight.transposed * first.slopes.expandedLast()
        return (value, along(start, Array(layers.dropFirst())).transposed * scale)
      }
    }
  }

  /// A layer at some x: the slopes of its inputs, and the weight of those that depend on x.
  private typealias Layer = (slopes: Tensor, weight: Tensor)

  /// The derivatives of layers along the rows of a tensor.
  private func along(_ vectors: Tensor, _ layers: [Layer]) -> Tensor {
    layers.reduce(vectors) { ($0 * $1.slopes).linear($1.weight) }
  }

  /// The network's value, its layers, and the factor of both that makes the network a contraction.
  private func evaluated(
    _ x: Tensor, _ context: Tensor?
  ) -> (value: Tensor, layers: [Layer], scale: Tensor) {
    var units = x
    var layers: [Layer] = []
    var logNorm = x.trace.constant(0)
    for (index, block) in blocks.enumerated() {
      let factor = softplus(block.beta.tensor)
      let share = sigmoid(units * factor)
      let slopes = share * (1 + units * factor * (1 - share)) * (1 / 1.1)
      let weight = block.weight.tensor
      var inputs = units * share * (1 / 1.1)
      var own = weight
      if index == 0, let context {
        inputs = Tensor.concatenate([inputs, context])
        own = weight.slice(0, features)
      }
      units = inputs.linear(weight, bias: block.bias.tensor)
      layers.append((slopes, own))
      logNorm = logNorm + own.logNormBound()
    }
    let scale = exp(minimum(logOf(lipschitz) - logNorm, 0))
    return (units * scale, layers, scale)
  }
}

extension Tensor {
  /// The log of an upper bound of a uniform matrix's largest singular value, by Gram iteration.
  fileprivate func logNormBound() -> Tensor {
    let small = shape[0] <= shape[1] ? matmul(transposed) : transposed.matmul(self)
    var (power, log2) = (small, trace.constant(0))
    var share = 0.5
    for _ in 0..<8 {
      let (norm, scaled) = power.scaledToOne()
      log2 = log2 + norm * share
      power = scaled.matmul(scaled)
      share /= 2
    }
    return log2 + power.scaledToOne().logNorm * share
  }

  /// The log of a matrix's Frobenius norm, and the matrix divided by that.
  private func scaledToOne() -> (logNorm: Tensor, scaled: Tensor) {
    let squares = maximum(square(self).sumOfElements(), 1e-30)
    return (0.5 * log(squares), self / sqrt(squares))
  }
}
