/// A monotonic neural network: a `MonotonicTransform` of each element by a network of the element and
/// a signal (Huang et al., arXiv:1804.00779).
public struct MNN {
  private let network: MonotonicMLP

  /// Registers `network`, for signals of `signal` elements; with `stack` there is one network
  /// for each of that many elements, otherwise one for all elements.
  public init(
    signal: Int = 16, hiddenFeatures: [Int] = [64, 64], stack: Int? = nil, in scope: ModuleScope
  ) {
    network = MonotonicMLP(
      1 + signal, 1, hiddenFeatures: hiddenFeatures, stack: stack, in: scope.child("network"))
  }

  /// The transform of elements [*] for signals [*, signal].
  public func callAsFunction(_ signal: Tensor) -> MonotonicTransform {
    MonotonicTransform { x in
      network(Tensor.concatenate([x.expandedLast(), signal])).reshaped(x.shape)
    }
  }
}

/// An unconstrained monotonic neural network: an `UnconstrainedMonotonicTransform` of each element,
/// whose integrand is a positive network of the element and a signal (Wehenkel and Louppe,
/// arXiv:1908.05164).
public struct UMNN {
  private let integrand: MLP
  private let bound: Double

  /// Registers `integrand`, for signals of `signal` elements; with `stack` there is one network
  /// for each of that many elements, otherwise one for all elements. The integrand's logarithm stays
  /// within `bound`.
  public init(
    signal: Int = 16, hiddenFeatures: [Int] = [64, 64], activation: Activation = .elu,
    normalize: Bool = false, bound: Double = 7, stack: Int? = nil, in scope: ModuleScope
  ) {
    integrand = MLP(
      1 + signal, 1, hiddenFeatures: hiddenFeatures, activation: activation, normalize: normalize,
      stack: stack, in: scope.child("integrand"))
    self.bound = bound
  }

  /// The transform of elements [*] for signals [*, signal].
  public func callAsFunction(_ signal: Tensor) -> UnconstrainedMonotonicTransform {
    UnconstrainedMonotonicTransform { x in
      let h = integrand(Tensor.concatenate([x.expandedLast(), signal])).reshaped(x.shape)
      // In [1e-3, 1e3] with a bound of 7.
      return exp(h / (1 + abs(h / bound)))
    }
  }
}

extension Univariate {
  /// `MNN`, one network for each feature; registers `network`.
  public static func monotonicNetwork(
    features: Int, signal: Int = 16, network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) -> Univariate {
    let stack = MNN(
      signal: signal, hiddenFeatures: network.hiddenFeatures, stack: features, in: scope)
    return Univariate(shapes: [[signal]]) { stack($0[0]) }
  }

  /// `UMNN`, one network for each feature, then a shift; registers `integrand`. The integrand's
  /// logarithm stays within `bound`.
  public static func unconstrainedMonotonicNetwork(
    features: Int, signal: Int = 16, network: HyperNetwork = HyperNetwork(activation: .elu),
    bound: Double = 7, in scope: ModuleScope
  ) -> Univariate {
    let stack = UMNN(
      signal: signal, hiddenFeatures: network.hiddenFeatures, activation: network.activation,
      normalize: network.normalize, bound: bound, stack: features, in: scope)
    return Univariate(shapes: [[signal], []]) {
      ComposedTransform([stack($0[0]), AdditiveTransform(shift: $0[1])])
    }
  }
}
