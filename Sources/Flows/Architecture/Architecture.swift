import FlowFiles

/// The kind of a flow, with the arguments of its class in Zuko and their defaults.
///
/// Flows are built from it, and the description in a model file is its encoding.
/// A new flow is a case here, its arguments in `visit`, and how it is built in `build`; the compiler
/// names the places that are missing.
///
///     let architecture = Architecture.nsf(.init(transforms: 5), .init(bins: 16))
///     var model = try Model(architecture, features: 5, context: 8, seed: 1)
public enum Architecture: Hashable, Sendable {
  /// A masked autoregressive flow.
  case maf(Autoregressive = .init(), UnivariatePart = .init())
  /// A neural spline flow.
  case nsf(Autoregressive = .init(), Spline = .init())
  /// A neural spline flow on circles.
  case ncsf(Autoregressive = .init(), Spline = .init())
  /// A sum-of-squares polynomial flow.
  case sospf(Autoregressive = .init(), SumOfSquares = .init())
  /// A Bernstein polynomial flow.
  case bpf(Autoregressive = .init(), Bernstein = .init())
  /// A neural autoregressive flow.
  case naf(Autoregressive = .init(), MonotonicNetwork = .init())
  /// An unconstrained neural autoregressive flow.
  case unaf(Autoregressive = .init(), Integrand = .init())
  /// A coupling flow.
  case nice(Coupling = .init(), UnivariatePart = .init())
  /// A coupling flow under its other name.
  case realNVP(Coupling = .init(), UnivariatePart = .init())
  /// A gaussianization flow.
  case gf(Gaussianization = .init())
  /// A continuous flow.
  case cnf(Continuous = .init())
  /// A Gaussian mixture.
  case gmm(GaussianComponents = .init())
  /// A mixture of flows.
  case ensemble(Members = .init())
  /// A flow of any described transforms over any described base.
  case custom(Parts = .init())

  /// Every kind with its defaults.
  static let all: [Architecture] = [
    .maf(), .nsf(), .ncsf(), .nice(), .realNVP(), .sospf(), .bpf(), .gf(), .naf(), .unaf(),
    .cnf(), .gmm(), .ensemble(), .custom(),
  ]

  /// The name of the class in Zuko, which is the `type` of a description.
  public var type: String {
    switch self {
    case .maf: "MAF"
    case .nsf: "NSF"
    case .ncsf: "NCSF"
    case .sospf: "SOSPF"
    case .bpf: "BPF"
    case .naf: "NAF"
    case .unaf: "UNAF"
    case .nice: "NICE"
    case .realNVP: "RealNVP"
    case .gf: "GF"
    case .cnf: "CNF"
    case .gmm: "GMM"
    case .ensemble: "Ensemble"
    case .custom: "Flow"
    }
  }

  /// Reads, checks and writes down the arguments.
  mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
    func both<First: ArgumentGroup, Second: ArgumentGroup>(
      _ make: (First, Second) -> Architecture, _ first: First, _ second: Second
    ) throws(FlowError) -> Architecture {
      var (first, second) = (first, second)
      try first.visit(&visitor)
      try second.visit(&visitor)
      return make(first, second)
    }
    func one<Own: ArgumentGroup>(
      _ make: (Own) -> Architecture, _ own: Own
    ) throws(FlowError) -> Architecture {
      var own = own
      try own.visit(&visitor)
      return make(own)
    }
    self =
      switch self {
      case .maf(let common, let own): try both(Self.maf, common, own)
      case .nsf(let common, let own): try both(Self.nsf, common, own)
      case .ncsf(let common, let own): try both(Self.ncsf, common, own)
      case .sospf(let common, let own): try both(Self.sospf, common, own)
      case .bpf(let common, let own): try both(Self.bpf, common, own)
      case .naf(let common, let own): try both(Self.naf, common, own)
      case .unaf(let common, let own): try both(Self.unaf, common, own)
      case .nice(let common, let own): try both(Self.nice, common, own)
      case .realNVP(let common, let own): try both(Self.realNVP, common, own)
      case .gf(let own): try one(Self.gf, own)
      case .cnf(let own): try one(Self.cnf, own)
      case .gmm(let own): try one(Self.gmm, own)
      case .ensemble(let own): try one(Self.ensemble, own)
      case .custom(let own): try one(Self.custom, own)
      }
  }
}
