import Foundation

/// A network of time, features and context that gives a velocity, with the names of sbi's `VectorFieldMLP`.
///
/// `merge(act([input(x), condition(c)]))` passes through layers of one width: `h + act(layer(h)) + time(e(t))`,
/// normalised, where e(t) has sines and cosines of the time.
public struct VectorFieldMLP {
  /// The shape of the network; the defaults are those of sbi.
  public struct Shape: Hashable, Sendable {
    /// How sines and cosines of the time are made.
    public enum TimeEmbedding: String, Hashable, Sendable, CaseIterable {
      /// With frequencies `W` that are trained: all sines, then all cosines.
      case fourier = "random_fourier"
      /// With given frequencies `div_term`: a sine and a cosine in turn.
      case sinusoidal
    }

    /// The width of all hidden layers.
    public var hiddenFeatures = 100
    /// The number of layers after the first two.
    public var layers = 5
    /// The function between layers.
    public var activation = Activation.gelu
    /// Whether each layer is normalised.
    public var layerNorm = true
    /// Whether each layer is added to the one before.
    public var skipConnections = true
    /// How the time is embedded.
    public var timeEmbedding = TimeEmbedding.fourier
    /// The number of sines and cosines, an even number.
    public var timeFeatures = 32

    /// Makes the default shape.
    public init() {}
  }

  private let shape: Shape
  private let input: Linear
  private let condition: Linear?
  private let merge: Linear
  private let frequencies: Parameter
  private let layers: [Linear]
  private let norms: [Norm]
  private let time: Linear
  private let output: Linear

  /// Registers the layers.
  ///
  /// - Parameters:
  ///   - features: the number of features.
  ///   - context: the number of context features; 0 for none, which leaves `condition_layer` out.
  ///   - shape: the layers.
  ///   - scope: where they are registered.
  public init(
    features: Int, context: Int = 0, shape: Shape = Shape(), in scope: ModuleScope
  ) {
    let (width, bands) = (shape.hiddenFeatures, shape.timeFeatures / 2)
    self.shape = shape
    input = Linear(features, width, in: scope.child("input_layer"))
    condition = context > 0 ? Linear(context, width, in: scope.child("condition_layer")) : nil
    merge = Linear(
      context > 0 ? 2 * width : width, width, in: scope.child("input_merge_layer"))
    let embedding = scope.child("time_emb")
    switch shape.timeEmbedding {
    case .fourier:
      // sbi's first values are 30 times as large, which makes the equation's steps as much smaller.
      frequencies = embedding.parameter("W", [bands], initializer: .normal())
    case .sinusoidal:
      frequencies = embedding.buffer(
        "div_term", [bands],
        initializer: .values(
          (0..<bands).map { Foundation.pow(1e-3, Double($0) / Double(bands)) }))
    }
    layers = (0..<shape.layers).map {
      Linear(width, width, in: scope.child("layers").child("\($0)"))
    }
    norms = (0..<(shape.layerNorm ? shape.layers : 0)).map {
      Norm(width, in: scope.child("layers_norm").child("\($0)"))
    }
    time = Linear(shape.timeFeatures, width, in: scope.child("time_linear_layer"))
    output = Linear(width, features, in: scope.child("output_layer"))
  }

  /// The velocity at a place [features] and a time, a scalar, for a context.
  public func callAsFunction(_ x: Tensor, context: Tensor?, at t: Tensor) -> Tensor {
    let act = shape.activation
    var inputs = [input(x)]
    if let condition, let context { inputs.append(condition(context)) }
    var h = act(merge(act(Tensor.concatenate(inputs))))
    let added = time(embedded(t))
    for (index, layer) in layers.enumerated() {
      var next = act(layer(h)) + added
      if shape.skipConnections { next = next + h }
      h = norms.isEmpty ? next : norms[index](next)
    }
    return output(h)
  }

  /// Sines and cosines of a time.
  private func embedded(_ t: Tensor) -> Tensor {
    let bands = frequencies.count
    let at = t.reshaped([1]).broadcast(to: [bands])
    switch shape.timeEmbedding {
    case .fourier:
      let angles = frequencies.tensor * at * (2 * Double.pi)
      return Tensor.concatenate([sin(angles), cos(angles)])
    case .sinusoidal:
      let angles = frequencies.tensor * at
      return Tensor.concatenate([sin(angles), cos(angles)])
        .gather((0..<2 * bands).map { $0 / 2 + $0 % 2 * bands })
    }
  }

  /// Standardises a vector, with torch's biased variance, and scales and shifts it.
  private struct Norm {
    let weight: Parameter
    let bias: Parameter

    init(_ features: Int, in scope: ModuleScope) {
      weight = scope.parameter("weight", [features], initializer: .ones)
      bias = scope.parameter("bias", [features], initializer: .zeros)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
      let count = Double(x.shape[0])
      let centred = x - x.sum(axis: 0) / count
      let variance = square(centred).sum(axis: 0) / count
      return centred / sqrt(variance + 1e-5) * weight.tensor + bias.tensor
    }
  }
}
