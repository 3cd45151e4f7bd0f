import FlowFiles
import FlowIR

/// Where a flow is built and what its parts have in common.
struct BuildSite {
  /// The number of features.
  let features: Int
  /// The number of features that the parts are conditioned on; 0 for none.
  let context: Int
  /// The release whose names and constants hold.
  let release: ZukoRelease
  /// Where parameters are registered.
  let scope: ModuleScope
  /// Reads parts that are described by JSON of their own.
  let parts: PartReader
  /// How many transforms stand before the flow's own: see `FlowDescription.before`.
  var before = 0

  /// The base in place of a standard normal one; nil for that.
  var ownBase: (any LazyDistribution)?

  /// Where one of the flow's own transforms is, counted from 0.
  func transform(_ index: Int) -> ModuleScope {
    release.transforms(in: scope).child("\(before + index)")
  }

  /// Where the only transform of a continuous flow is.
  var onlyTransform: ModuleScope {
    before > 0 ? transform(0) : release.onlyTransform(in: scope)
  }

  /// Where the parameters of a mixture are, which is the base of a flow if transforms stand before it.
  var mixture: ModuleScope { before > 0 ? scope.child("base") : scope }

  /// The standard normal base, or the one in its place.
  var normalBase: any LazyDistribution {
    ownBase
      ?? UnconditionalDistribution.diagNormal(
        features: features, byPosition: release.namesArgumentsByPosition, in: scope.child("base"))
  }
}

extension Architecture {
  /// Whether the flow's base is a standard normal, which another may replace.
  var hasNormalBase: Bool {
    switch self {
    case .ncsf, .gmm, .ensemble, .custom: false
    case .nsf(_, let spline): spline.circular.isEmpty
    case .maf, .sospf, .bpf, .naf, .unaf, .nice, .realNVP, .gf, .cnf: true
    }
  }

  /// Builds the flow's modules, registering their parameters.
  func build(_ site: BuildSite) throws(FlowError) -> Flow {
    switch self {
    case .maf(let common, let own):
      let univariate = try own.univariate(site)
      return try common.flow(site) { _ in univariate }
    case .nsf(let common, let spline):
      let slope = spline.slope ?? site.release.slope
      guard spline.isMixed else {
        return try common.flow(site) { _ in .spline(bins: spline.bins, slope: slope) }
      }
      let mixed = try spline.mixed(features: site.features, slope: slope)
      return try common.flow(
        site, base: spline.circular.isEmpty ? nil : mixed.base(in: site.scope.child("base")),
        circular: spline.circular.sorted()
      ) { _ in .spline(bins: spline.bins, mixed) }
    case .ncsf(let common, let spline):
      guard !spline.isMixed else {
        throw .invalid(
          place: "type", found: "NCSF with splines of different kinds",
          expected: "NSF; all features of NCSF are angles")
      }
      let slope = spline.slope ?? site.release.slope
      let limit = Double.pi + 1e-5
      return try common.flow(
        site,
        base: UnconditionalDistribution.boxUniform(
          features: site.features, lower: -limit, upper: limit,
          byPosition: site.release.namesArgumentsByPosition, in: site.scope.child("base"))
      ) { _ in .circularSpline(bins: spline.bins, slope: slope) }
    case .sospf(let common, let own):
      let slope = own.slope ?? site.release.polynomialSlope
      return try common.flow(site, softclip: 11) { _ in
        .sumOfSquares(degree: own.degree, polynomials: own.polynomials, slope: slope)
      }
    case .bpf(let common, let own):
      guard site.release.hasUnboundedPolynomialFlow else {
        return try common.flow(site) { _ in .boundedBernstein(degree: own.degree) }
      }
      return try common.flow(site, softclip: 11) { _ in
        .squashedBernstein(degree: own.degree, isLinear: own.isLinear)
      }
    case .naf(let common, let own):
      return try common.flow(site, softclip: 11) {
        .monotonicNetwork(
          features: site.features, signal: own.signal,
          network: HyperNetwork(hiddenFeatures: own.hiddenFeatures), in: $0)
      }
    case .unaf(let common, let own):
      return try common.flow(site, softclip: 11) {
        .unconstrainedMonotonicNetwork(
          features: site.features, signal: own.signal, network: own.network.hyper,
          bound: site.release.integrandBound, in: $0)
      }
    case .nice(let common, let own), .realNVP(let common, let own):
      return try common.flow(site, univariate: try own.univariate(site))
    case .gf(let own): return own.flow(site)
    case .cnf(let own): return own.flow(site)
    case .gmm(let own): return own.flow(site)
    case .ensemble(let own): return try own.flow(site)
    case .custom(let own): return try site.parts.flow(own, in: site.scope)
    }
  }
}

extension Architecture.UnivariatePart {
  /// The described family, or the affine one.
  func univariate(_ site: BuildSite) throws(FlowError) -> Univariate {
    let members: [JSONValue.Member] =
      (univariate.map { [.init("univariate", $0)] } ?? [])
      + (shapes.map { [.init("shapes", $0)] } ?? [])
    return try site.parts.univariate(DescriptionReader(arguments: .object(members), place: ""))
  }
}

extension Architecture.Autoregressive {
  /// Autoregressive transforms, features in ascending order for even and descending order for odd ones
  /// (random orders with `randperm`), with a soft clip between them if a bound is given. A family with
  /// parameters of its own registers them in the scope that it is given, one of each transform.
  func flow(
    _ site: BuildSite, base: UnconditionalDistribution? = nil, softclip: Double? = nil,
    circular: [Int] = [], univariate: (ModuleScope) -> Univariate
  ) throws(FlowError) -> Flow {
    var parts: [any LazyTransform] = []
    for index in 0..<transforms {
      if let softclip, index > 0 {
        parts.append(
          UnconditionalTransform { DependentTransform(SoftclipTransform(bound: softclip)) })
      }
      let place = site.transform(softclip == nil ? index : 2 * index)
      let univariate = univariate(site.release.monotonicNetwork(in: place))
      // A single feature depends on no other: Zuko makes it element-wise too.
      guard site.features > 1 || !site.release.isElementWiseForOneFeature else {
        parts.append(
          ElementWiseTransform(
            features: 1, context: site.context, univariate: univariate, network: network.hyper,
            in: place))
        continue
      }
      var order = Array(0..<site.features)
      if randperm {
        order = site.scope.shuffled(order)
      } else if index % 2 == 1 {
        order.reverse()
      }
      parts.append(
        try MaskedAutoregressiveTransform(
          features: site.features, context: site.context, passes: passes, order: order,
          circular: circular, univariate: univariate, network: network.hyper, in: place))
    }
    return Flow(transform: LazyComposedTransform(parts), base: base ?? site.normalBase)
  }
}

extension Architecture.Coupling {
  /// Coupling transforms with alternating checkered masks, or random ones with `randmask`.
  func flow(_ site: BuildSite, univariate: Univariate) throws(FlowError) -> Flow {
    var parts: [any LazyTransform] = []
    for index in 0..<transforms {
      let place = site.transform(index)
      guard site.features > 1 || !site.release.isElementWiseForOneFeature else {
        parts.append(
          ElementWiseTransform(
            features: 1, context: site.context, univariate: univariate, network: network.hyper,
            in: place))
        continue
      }
      var order = Array(0..<site.features)
      if randmask { order = site.scope.shuffled(order) }
      parts.append(
        try GeneralCouplingTransform(
          features: site.features, context: site.context,
          mask: order.map { $0 % 2 == index % 2 }, univariate: univariate, network: network.hyper,
          in: place))
    }
    return Flow(transform: LazyComposedTransform(parts), base: site.normalBase)
  }
}

extension Architecture.Gaussianization {
  /// Element-wise mixtures' quantiles with free rotations between them.
  func flow(_ site: BuildSite) -> Flow {
    let rotation = site.release.namesArgumentsByPosition ? "_0" : "A"
    var parts: [any LazyTransform] = []
    for index in 0..<transforms {
      if index > 0 {
        let a = site.transform(2 * index - 1).parameter(
          rotation, [site.features, site.features], initializer: .normal())
        parts.append(UnconditionalTransform { RotationTransform(a: a.tensor) })
      }
      parts.append(
        ElementWiseTransform(
          features: site.features, context: site.context,
          univariate: .gaussianization(components: components), network: network.hyper,
          in: site.transform(2 * index)))
    }
    return Flow(transform: LazyComposedTransform(parts), base: site.normalBase)
  }
}

extension Architecture.Continuous {
  /// The transform that integrates an equation, registered in a scope.
  func transform(features: Int, context: Int, in scope: ModuleScope) -> FFJTransform {
    var control = ODEControl(atol: atol, rtol: rtol)
    // The kinks of an activation take steps in proportion to the root of the tolerance.
    if max(atol, rtol) < 1e-8 { control.steps = 1 << 14 }
    return FFJTransform(
      features: features, context: context, freqs: freqs, control: control,
      network: network.hyper, in: scope)
  }

  /// A continuous flow.
  func flow(_ site: BuildSite) -> Flow {
    Flow(
      transform: transform(
        features: site.features, context: site.context,
        in: site.onlyTransform), base: site.normalBase)
  }
}

extension Architecture.GaussianComponents {
  /// A flow without transforms over the mixture.
  func flow(_ site: BuildSite) -> Flow {
    Flow(
      transform: LazyComposedTransform([]),
      base: GaussianMixture(
        features: site.features, context: site.context, components: components,
        covarianceType: covarianceType, tied: tied,
        epsilon: epsilon ?? site.release.mixtureEpsilon, network: network.hyper, in: site.mixture))
  }
}
