extension Univariate {
  /// A monotonic network of each feature and a signal (Huang et al., arXiv:1804.00779); registers
  /// `network`.
  public static func monotonicNetwork(
    features: Int, signal: Int = 16, network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) -> Univariate {
    let stack = StackedMLP(
      features: features, inputs: 1 + signal, network: network, isMonotonic: true,
      in: scope.child("network"))
    return Univariate(shapes: [[signal]]) { phi in
      MonotonicTransform { x in stack(Tensor.concatenate([x.expandedLast(), phi[0]])) }
    }
  }

  /// The integral of a positive network of each feature and a signal, then a shift (Wehenkel and Louppe,
  /// arXiv:1908.05164); registers `integrand`. The integrand's logarithm stays within `bound`.
  public static func unconstrainedMonotonicNetwork(
    features: Int, signal: Int = 16, network: HyperNetwork = HyperNetwork(activation: .elu),
    bound: Double = 7, in scope: ModuleScope
  ) -> Univariate {
    let stack = StackedMLP(
      features: features, inputs: 1 + signal, network: network, isMonotonic: false,
      in: scope.child("integrand"))
    return Univariate(shapes: [[signal], []]) { phi in
      ComposedTransform([
        UnconstrainedMonotonicTransform { x in
          let h = stack(Tensor.concatenate([x.expandedLast(), phi[0]]))
          return exp(h / (1 + abs(h / bound)))
        },
        AdditiveTransform(shift: phi[1]),
      ])
    }
  }
}
