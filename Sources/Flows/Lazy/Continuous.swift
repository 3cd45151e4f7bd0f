import FlowIR

/// A lazy free-form Jacobian transform, `FreeFormJacobianTransform` of a network of time, features and
/// context (Grathwohl et al., arXiv:1810.01367).
public struct FFJTransform: LazyTransform {
  private let ode: any Layer
  private let times: Parameter
  private let freqs: Parameter
  private let control: ODEControl
  private let features: Int
  private let path: String

  /// Registers the network `ode` and the buffers `times` and `freqs`.
  ///
  /// - Parameters:
  ///   - features: the number of features.
  ///   - context: the number of context features; 0 for none.
  ///   - freqs: the number of frequencies of the embedding of time.
  ///   - control: the tolerances that Zuko would be given. In Zuko all rows of a batch take the smallest step
  ///     that any of them needs, so most are more accurate than requested. Here each row has its own step,
  ///     and a tenth of the tolerances, which gives every row the accuracy that Zuko has.
  ///   - network: the network of time, features and context.
  ///   - scope: where it is registered.
  public init(
    features: Int, context: Int = 0, freqs: Int = 3, control: ODEControl = ODEControl(),
    network: HyperNetwork = HyperNetwork(activation: .elu), in scope: ModuleScope
  ) {
    ode = network.layer(features + context + 2 * freqs, features, in: scope.child("ode"))
    times = scope.buffer("times", [2], initializer: .values([0, 1]))
    self.freqs = scope.buffer(
      "freqs", [freqs], initializer: .values((0..<freqs).map { Double($0 + 1) * .pi }))
    self.control = ODEControl(
      atol: control.atol / 10, rtol: control.rtol / 10, steps: control.steps)
    self.features = features
    path = scope.path
  }

  /// The free-form Jacobian transform for a context [C], or for none.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    let ends = [0, 1].map { times.tensor.slice($0, $0 + 1).reshaped([]) }
    return FreeFormJacobianTransform(from: ends[0], to: ends[1], control: control) { t, x in
      x.trace.inScope(path) {
        let angles = freqs.tensor * t.reshaped([1]).broadcast(to: freqs.shape)
        func input(_ x: Tensor) -> Tensor {
          Tensor.concatenate([cos(angles), sin(angles), x] + (context.map { [$0] } ?? []))
        }
        guard let perceptron = ode as? MLP else { return x.valueAndTrace { ode(input($0)) } }
        return perceptron.valueAndTrace(x, from: 2 * freqs.count, input: input)
      }
    }
  }
}

extension MLP {
  /// The network's value at `input(x)`, which holds `x` from element `start` on, and the trace of its
  /// Jacobian with respect to `x`.
  ///
  /// With weights W₁, W₂, … and slopes d₁, d₂ of the activations the trace is diag(W₂ W₁)·d₁ for one
  /// hidden layer, d₂ᵀ (W₂ ∘ (W₁ W₃)ᵀ) d₁ for two: one product with a matrix that is the same for all rows.
  public func valueAndTrace(
    _ x: Tensor, from start: Int, input: (Tensor) -> Tensor
  ) -> (value: Tensor, trace: Tensor) {
    let hidden = layers.count - 1
    guard norm == nil, 1...2 ~= hidden else {
      return x.valueAndTrace { self(input($0)) }
    }
    var (h, slopes): (Tensor, [Tensor]) = (input(x), [])
    for layer in layers.dropLast() {
      let (value, slope) = layer(h).valueAndSlope { activation($0) }
      h = value
      slopes.append(slope)
    }
    let last = layers[hidden].weight.tensor
    let first = layers[0].weight.tensor.slice(start, start + (x.shape.last ?? 0), axis: 1)
    let product = first.matmul(last)
    let y = layers[hidden](h)
    if hidden == 1 {
      let width = last.shape[1]
      let diagonal = product.reshaped([width * width]).gather((0..<width).map { $0 * (width + 1) })
      return (y, (slopes[0] * diagonal).sum(axis: 0))
    }
    let inner = slopes[0].linear(layers[1].weight.tensor * product.transposed)
    return (y, (slopes[1] * inner).sum(axis: 0))
  }
}
