/// Masked autoregressive flows: MAF, NSF with splines, and NCSF with splines on circles.
public enum AutoregressiveFlows {
  /// `transforms` autoregressive transforms, features in ascending order for even and descending
  /// order for odd ones (random orders with `randperm`), over a standard normal base; over a uniform
  /// one on [-π, π], a little larger for the sake of rounding, if features lie on circles. Between
  /// transforms stands a `SoftclipTransform` with the bound `softclip`, if it is given. A family with
  /// parameters of its own registers them under `univariate` of each transform. Names are those of
  /// `release`.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public static func make(
    features: Int, context: Int = 0, transforms: Int = 3, randperm: Bool = false,
    passes: Int? = nil, univariate: (ModuleScope) -> Univariate = { _ in .affine() },
    network: HyperNetwork = HyperNetwork(), isCircular: Bool = false, softclip: Double? = nil,
    release: ZukoRelease = .current, in scope: ModuleScope
  ) throws(FlowError) -> Flow {
    let list = release.transforms(in: scope)
    var parts: [any LazyTransform] = []
    for index in 0..<transforms {
      if let softclip, index > 0 {
        parts.append(
          UnconditionalTransform { DependentTransform(SoftclipTransform(bound: softclip)) })
      }
      let place = list.child("\(softclip == nil ? index : 2 * index)")
      let univariate = univariate(release.monotonicNetwork(in: place))
      // A single feature depends on no other: Zuko makes it element-wise too.
      guard features > 1 || !release.isElementWiseForOneFeature else {
        parts.append(
          ElementWiseTransform(
            features: 1, context: context, univariate: univariate, network: network, in: place))
        continue
      }
      var order = Array(0..<features)
      if randperm {
        order = scope.shuffled(order)
      } else if index % 2 == 1 {
        order.reverse()
      }
      parts.append(
        try MaskedAutoregressiveTransform(
          features: features, context: context, passes: passes, order: order,
          univariate: univariate, network: network, in: place))
    }
    let place = scope.child("base")
    let limit = Double.pi + 1e-5
    return Flow(
      transform: LazyComposedTransform(parts),
      base: isCircular
        ? UnconditionalDistribution.boxUniform(
          features: features, lower: -limit, upper: limit,
          byPosition: release.namesArgumentsByPosition, in: place)
        : UnconditionalDistribution.diagNormal(
          features: features, byPosition: release.namesArgumentsByPosition, in: place))
  }
}

/// Gaussianization flows: GF.
public enum GaussianizationFlows {
  /// `transforms` element-wise `GaussianizationTransform`s with free rotations between them, over a
  /// standard normal base, named as in `release`.
  public static func make(
    features: Int, context: Int = 0, transforms: Int = 3, components: Int = 8,
    network: HyperNetwork = HyperNetwork(), release: ZukoRelease = .current, in scope: ModuleScope
  ) -> Flow {
    let list = release.transforms(in: scope)
    let rotation = release.namesArgumentsByPosition ? "_0" : "A"
    var parts: [any LazyTransform] = []
    for index in 0..<transforms {
      if index > 0 {
        let a = list.child("\(2 * index - 1)").parameter(
          rotation, [features, features], initializer: .normal())
        parts.append(UnconditionalTransform { RotationTransform(a: a.tensor) })
      }
      parts.append(
        ElementWiseTransform(
          features: features, context: context,
          univariate: .gaussianization(components: components), network: network,
          in: list.child("\(2 * index)")))
    }
    return Flow(
      transform: LazyComposedTransform(parts),
      base: UnconditionalDistribution.diagNormal(
        features: features, byPosition: release.namesArgumentsByPosition, in: scope.child("base")))
  }
}

/// Coupling flows: NICE, RealNVP.
public enum CouplingFlows {
  /// `transforms` coupling transforms with alternating checkered masks (random ones with
  /// `randmask`) over a standard normal base, named as in `release`.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public static func make(
    features: Int, context: Int = 0, transforms: Int = 3, randmask: Bool = false,
    univariate: Univariate = .affine(), network: HyperNetwork = HyperNetwork(),
    release: ZukoRelease = .current, in scope: ModuleScope
  ) throws(FlowError) -> Flow {
    let list = release.transforms(in: scope)
    var parts: [any LazyTransform] = []
    for index in 0..<transforms {
      let place = list.child("\(index)")
      guard features > 1 || !release.isElementWiseForOneFeature else {
        parts.append(
          ElementWiseTransform(
            features: 1, context: context, univariate: univariate, network: network, in: place))
        continue
      }
      var order = Array(0..<features)
      if randmask { order = scope.shuffled(order) }
      parts.append(
        try GeneralCouplingTransform(
          features: features, context: context, mask: order.map { $0 % 2 == index % 2 },
          univariate: univariate, network: network, in: place))
    }
    return Flow(
      transform: LazyComposedTransform(parts),
      base: UnconditionalDistribution.diagNormal(
        features: features, byPosition: release.namesArgumentsByPosition, in: scope.child("base")))
  }
}
