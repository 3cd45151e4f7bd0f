import FlowFiles

/// The arguments of a class, or some of them.
protocol ArgumentGroup {
  /// Reads, checks and writes down each argument.
  mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError)
}

/// The largest sizes that a description can ask for.
enum SizeLimit {
  /// Features, context features and widths of layers.
  static let width = 100_000
  /// Transforms of a flow.
  static let transforms = 1_000
  /// Bins, degrees, polynomials and frequencies of one feature's transform.
  static let parts = 1_000
  /// Features of a transform whose Jacobian is found for each row.
  static let jacobian = 64
  /// Probes of an estimated trace.
  static let probes = 1_000
  /// Terms of a series that are always there.
  static let terms = 100
  /// Members of an ensemble.
  static let members = 1_000
  /// Components of a mixture and elements of a signal.
  static let components = 10_000
  /// The dimensions of the parameters of one feature's transform.
  static let extent = 1...10_001
}

extension NetworkShape {
  mutating func visit(
    _ visitor: inout ArgumentVisitor, residual hasResidual: Bool = false,
    normalize hasNormalize: Bool = false
  ) throws(FlowError) {
    try visitor.integers("hidden_features", &hiddenFeatures, in: 1...SizeLimit.width)
    try visitor.choice("activation", &activation)
    if hasResidual { try visitor.flag("residual", &residual) }
    if hasNormalize { try visitor.flag("normalize", &normalize) }
  }
}

extension Architecture {
  /// The arguments of all masked autoregressive flows.
  public struct Autoregressive: Hashable, Sendable, ArgumentGroup {
    /// The number of transforms.
    public var transforms: Int
    /// Whether the order of features is random; else it alternates.
    public var randperm: Bool
    /// The number of groups of features that are transformed one after the other; nil gives each feature
    /// a group of its own.
    public var passes: Int?
    /// The hyper-network.
    public var network: NetworkShape

    /// Makes arguments.
    public init(
      transforms: Int = 3, randperm: Bool = false, passes: Int? = nil,
      network: NetworkShape = NetworkShape()
    ) {
      self.transforms = transforms
      self.randperm = randperm
      self.passes = passes
      self.network = network
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      try visitor.integer("transforms", &transforms, in: 1...SizeLimit.transforms)
      try visitor.flag("randperm", &randperm)
      try visitor.optional("passes", &passes, in: 1...SizeLimit.width)
      try network.visit(&visitor, residual: true)
    }
  }

  /// The arguments of coupling flows.
  public struct Coupling: Hashable, Sendable, ArgumentGroup {
    /// The number of transforms.
    public var transforms: Int
    /// Whether masks are random; else they are checkered.
    public var randmask: Bool
    /// The hyper-network.
    public var network: NetworkShape

    /// Makes arguments.
    public init(
      transforms: Int = 3, randmask: Bool = false, network: NetworkShape = NetworkShape()
    ) {
      self.transforms = transforms
      self.randmask = randmask
      self.network = network
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      try visitor.integer("transforms", &transforms, in: 1...SizeLimit.transforms)
      try visitor.flag("randmask", &randmask)
      try network.visit(&visitor, normalize: true)
    }
  }

  /// The arguments of `CNF`.
  public struct Continuous: Hashable, Sendable, ArgumentGroup {
    /// The number of frequencies of the embedding of time.
    public var freqs: Int
    /// The absolute tolerance.
    public var atol: Double
    /// The relative tolerance.
    public var rtol: Double
    /// False lets Zuko estimate the trace. Here the trace is always exact, at the cost of an estimate.
    public var isExact = true
    /// The network of time, features and context.
    public var network: NetworkShape

    /// Makes arguments.
    public init(
      freqs: Int = 3, atol: Double = 1e-6, rtol: Double = 1e-5,
      network: NetworkShape = NetworkShape(activation: .elu)
    ) {
      self.freqs = freqs
      self.atol = atol
      self.rtol = rtol
      self.network = network
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      try visitor.integer("freqs", &freqs, in: 1...SizeLimit.parts)
      try visitor.number("atol", &atol)
      try visitor.number("rtol", &rtol)
      try visitor.flag("exact", &isExact, default: true)
      try network.visit(&visitor, normalize: true)
      guard atol >= 0, rtol >= 0, atol + rtol > 0 else {
        throw .invalid(
          place: visitor.path("atol"), found: "\(atol) and \(rtol)",
          expected: "tolerances that are not negative, and not both 0")
      }
    }
  }

  /// The arguments of `GMM`.
  public struct GaussianComponents: Hashable, Sendable, ArgumentGroup {
    /// The number of components.
    public var components: Int
    /// The form of the covariances.
    public var covarianceType: CovarianceType
    /// Whether all components share one covariance.
    public var tied: Bool
    /// The number added to the diagonals; the default of the described release if nil.
    public var epsilon: Double?
    /// The hyper-network.
    public var network: NetworkShape

    /// Makes arguments.
    public init(
      components: Int = 2, covarianceType: CovarianceType = .full, tied: Bool = false,
      epsilon: Double? = nil, network: NetworkShape = NetworkShape()
    ) {
      self.components = components
      self.covarianceType = covarianceType
      self.tied = tied
      self.epsilon = epsilon
      self.network = network
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      try visitor.integer("components", &components, in: 1...SizeLimit.components)
      try visitor.choice("covariance_type", &covarianceType)
      try visitor.flag("tied", &tied)
      var epsilon = epsilon ?? visitor.release.mixtureEpsilon
      try visitor.number("epsilon", &epsilon, expected: "a number of 0 or more") { $0 >= 0 }
      self.epsilon = epsilon == visitor.release.mixtureEpsilon ? nil : epsilon
      try network.visit(&visitor, normalize: true)
    }
  }

  /// The parts of a custom flow, described in JSON that is read when the flow is built.
  public struct Parts: Hashable, Sendable, ArgumentGroup {
    /// A transform, or a list of them.
    public var transform: JSONValue?
    /// The base.
    public var base: JSONValue?

    /// Describes parts.
    public init(transform: JSONValue? = nil, base: JSONValue? = nil) {
      self.transform = transform
      self.base = base
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      visitor.part("transform", &transform)
      visitor.part("base", &base)
    }
  }
}
