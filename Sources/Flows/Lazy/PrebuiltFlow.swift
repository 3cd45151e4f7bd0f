/// A flow of a named architecture with its parameters: a lazy distribution that can be trained,
/// saved and compiled through its `model`.
///
///     var flow = try NSF(features: 5, context: 8, transforms: 3, bins: 8)
///     try flow.standardize(x, context: c)
///     try await flow.fit(x, context: c)
///     let loss = try flow.compile(.rows("x", 5), .rows("c", 8)) { x, c in -flow(c).logProb(x).mean() }
public protocol PrebuiltFlow: LazyDistribution, ParameterHolder {
  /// The architecture and the values of its parameters.
  var model: Model { get set }
}

extension PrebuiltFlow {
  /// The distribution for a context [C], or for none.
  public func callAsFunction(_ context: Tensor?) -> any Distribution { model.flow(context) }
}

/// A masked autoregressive flow (Papamakarios et al., arXiv:1705.07057): affine transforms whose
/// parameters a masked network gives.
public struct MAF: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Makes an untrained flow; the arguments are those of `zuko.flows.MAF`, `seed` decides random
  /// orders and first parameters.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, transforms: Int = 3, randperm: Bool = false,
    passes: Int? = nil, hiddenFeatures: [Int] = [64, 64], activation: Activation = .relu,
    residual: Bool = false, seed: UInt64 = 0
  ) throws(FlowError) {
    model = try Model(
      .maf(
        .init(
          transforms: transforms, randperm: randperm, passes: passes,
          network: NetworkShape(
            hiddenFeatures: hiddenFeatures, activation: activation, residual: residual))),
      features: features, context: context, seed: seed)
  }
}

/// A neural spline flow (Durkan et al., arXiv:1906.04032): rational-quadratic splines on [-5, 5]
/// whose knots a masked network gives. Data in other units need `standardize` first.
public struct NSF: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Makes an untrained flow; the arguments are those of `zuko.flows.NSF`, `seed` decides random
  /// orders and first parameters. `circular` are features, counted from 0, that are angles on a circle, beside
  /// others that are not: in [-π, π), or of the period that `setPeriods` gives. `bounds` and `slopes` are the
  /// bound and the least slope of each feature's spline.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, transforms: Int = 3, bins: Int = 8, slope: Double = 1e-3,
    circular: [Int] = [], bounds: [Double]? = nil, slopes: [Double]? = nil,
    randperm: Bool = false, passes: Int? = nil, hiddenFeatures: [Int] = [64, 64],
    activation: Activation = .relu, residual: Bool = false, seed: UInt64 = 0
  ) throws(FlowError) {
    model = try Model(
      .nsf(
        .init(
          transforms: transforms, randperm: randperm, passes: passes,
          network: NetworkShape(
            hiddenFeatures: hiddenFeatures, activation: activation, residual: residual)),
        .init(
          bins: bins, slope: slope, circular: circular, bounds: bounds, slopes: slopes)),
      features: features, context: context, seed: seed)
  }
}

/// A neural circular spline flow (Rezende et al., arXiv:2002.02428): features are angles in [-π, π).
public struct NCSF: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Makes an untrained flow; the arguments are those of `zuko.flows.NCSF`, `seed` decides random
  /// orders and first parameters.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, transforms: Int = 3, bins: Int = 8, slope: Double = 1e-3,
    randperm: Bool = false, passes: Int? = nil, hiddenFeatures: [Int] = [64, 64],
    activation: Activation = .relu, residual: Bool = false, seed: UInt64 = 0
  ) throws(FlowError) {
    model = try Model(
      .ncsf(
        .init(
          transforms: transforms, randperm: randperm, passes: passes,
          network: NetworkShape(
            hiddenFeatures: hiddenFeatures, activation: activation, residual: residual)),
        .init(bins: bins, slope: slope)), features: features, context: context, seed: seed)
  }
}

/// A sum-of-squares polynomial flow (Jaini et al., arXiv:1905.02325).
public struct SOSPF: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Makes an untrained flow; the arguments are those of `zuko.flows.SOSPF`, `seed` decides random
  /// orders and first parameters.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, transforms: Int = 3, degree: Int = 4, polynomials: Int = 3,
    slope: Double = 1e-3, randperm: Bool = false, passes: Int? = nil,
    hiddenFeatures: [Int] = [64, 64], activation: Activation = .relu, residual: Bool = false,
    seed: UInt64 = 0
  ) throws(FlowError) {
    model = try Model(
      .sospf(
        .init(
          transforms: transforms, randperm: randperm, passes: passes,
          network: NetworkShape(
            hiddenFeatures: hiddenFeatures, activation: activation, residual: residual)),
        .init(degree: degree, polynomials: polynomials, slope: slope)), features: features,
      context: context, seed: seed)
  }
}

/// A Bernstein polynomial flow on [-5, 5] (Sick et al., arXiv:2004.00464; Arpogaus et al.,
/// arXiv:2204.13939). Data in other units need `standardize` first.
public struct BPF: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Makes an untrained flow; the arguments are those of `zuko.flows.BPF`, `seed` decides random
  /// orders and first parameters.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, transforms: Int = 3, degree: Int = 16,
    randperm: Bool = false, passes: Int? = nil, hiddenFeatures: [Int] = [64, 64],
    activation: Activation = .relu, residual: Bool = false, seed: UInt64 = 0
  ) throws(FlowError) {
    model = try Model(
      .bpf(
        .init(
          transforms: transforms, randperm: randperm, passes: passes,
          network: NetworkShape(
            hiddenFeatures: hiddenFeatures, activation: activation, residual: residual)),
        .init(degree: degree)), features: features, context: context, seed: seed)
  }
}

/// A neural autoregressive flow (Huang et al., arXiv:1804.00779): monotonic networks whose signals a
/// masked network gives.
public struct NAF: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Makes an untrained flow; the arguments are those of `zuko.flows.NAF`, with `network` as the widths
  /// of the monotonic networks; `seed` decides random orders and first parameters.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, transforms: Int = 3, randperm: Bool = false,
    signal: Int = 16, network: [Int] = [64, 64], passes: Int? = nil,
    hiddenFeatures: [Int] = [64, 64], activation: Activation = .relu, residual: Bool = false,
    seed: UInt64 = 0
  ) throws(FlowError) {
    model = try Model(
      .naf(
        .init(
          transforms: transforms, randperm: randperm, passes: passes,
          network: NetworkShape(
            hiddenFeatures: hiddenFeatures, activation: activation, residual: residual)),
        .init(signal: signal, hiddenFeatures: network)), features: features, context: context,
      seed: seed)
  }
}

/// An unconstrained neural autoregressive flow (Wehenkel and Louppe, arXiv:1908.05164): integrals of
/// positive networks whose signals a masked network gives.
public struct UNAF: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Makes an untrained flow; the arguments are those of `zuko.flows.UNAF`, with `network` as the widths
  /// of the integrands; `seed` decides random orders and first parameters.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, transforms: Int = 3, randperm: Bool = false,
    signal: Int = 16, network: [Int] = [64, 64], passes: Int? = nil,
    hiddenFeatures: [Int] = [64, 64], activation: Activation = .relu, residual: Bool = false,
    seed: UInt64 = 0
  ) throws(FlowError) {
    model = try Model(
      .unaf(
        .init(
          transforms: transforms, randperm: randperm, passes: passes,
          network: NetworkShape(
            hiddenFeatures: hiddenFeatures, activation: activation, residual: residual)),
        .init(
          signal: signal, network: NetworkShape(hiddenFeatures: network, activation: .elu))),
      features: features, context: context, seed: seed)
  }
}

/// A continuous normalizing flow (Chen et al., arXiv:1806.07366; Grathwohl et al., arXiv:1810.01367)
/// with the exact trace.
public struct CNF: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Makes an untrained flow; the arguments are those of `zuko.flows.CNF`, `seed` decides the first
  /// parameters.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, freqs: Int = 3, atol: Double = 1e-6, rtol: Double = 1e-5,
    hiddenFeatures: [Int] = [64, 64], activation: Activation = .elu, normalize: Bool = false,
    seed: UInt64 = 0
  ) throws(FlowError) {
    model = try Model(
      .cnf(
        .init(
          freqs: freqs, atol: atol, rtol: rtol,
          network: NetworkShape(
            hiddenFeatures: hiddenFeatures, activation: activation, normalize: normalize))),
      features: features, context: context, seed: seed)
  }
}

/// A gaussianization flow (Meng et al., arXiv:2003.01941): mixture quantiles of each feature, with
/// rotations between them.
public struct GF: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Makes an untrained flow; the arguments are those of `zuko.flows.GF`, `seed` decides the first
  /// parameters.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, transforms: Int = 3, components: Int = 8,
    hiddenFeatures: [Int] = [64, 64], activation: Activation = .relu, normalize: Bool = false,
    seed: UInt64 = 0
  ) throws(FlowError) {
    model = try Model(
      .gf(
        .init(
          transforms: transforms, components: components,
          network: NetworkShape(
            hiddenFeatures: hiddenFeatures, activation: activation, normalize: normalize))),
      features: features, context: context, seed: seed)
  }
}

/// A coupling flow (Dinh et al., arXiv:1410.8516); affine by default, as RealNVP.
public struct NICE: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Makes an untrained flow; the arguments are those of `zuko.flows.NICE`, `seed` decides random
  /// masks and first parameters.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, transforms: Int = 3, randmask: Bool = false,
    hiddenFeatures: [Int] = [64, 64], activation: Activation = .relu, normalize: Bool = false,
    seed: UInt64 = 0
  ) throws(FlowError) {
    model = try Model(
      .nice(
        .init(
          transforms: transforms, randmask: randmask,
          network: NetworkShape(
            hiddenFeatures: hiddenFeatures, activation: activation, normalize: normalize))),
      features: features, context: context, seed: seed)
  }
}

/// A coupling flow with affine transforms (Dinh et al., arXiv:1605.08803).
public struct RealNVP: PrebuiltFlow {
  /// The architecture and the values of its parameters.
  public var model: Model

  /// Makes an untrained flow; the arguments are those of `zuko.flows.RealNVP`, `seed` decides random
  /// masks and first parameters.
  ///
  /// - Throws: `FlowError` for arguments that do not fit.
  public init(
    features: Int, context: Int = 0, transforms: Int = 3, randmask: Bool = false,
    hiddenFeatures: [Int] = [64, 64], activation: Activation = .relu, normalize: Bool = false,
    seed: UInt64 = 0
  ) throws(FlowError) {
    model = try Model(
      .realNVP(
        .init(
          transforms: transforms, randmask: randmask,
          network: NetworkShape(
            hiddenFeatures: hiddenFeatures, activation: activation, normalize: normalize))),
      features: features, context: context, seed: seed)
  }
}
