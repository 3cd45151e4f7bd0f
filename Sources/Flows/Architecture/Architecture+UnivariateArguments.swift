extension Architecture {
  /// The described transform of one feature, affine by default.
  public struct UnivariatePart: Hashable, Sendable, ArgumentGroup {
    /// The transform; nil for an affine one.
    public var univariate: JSONValue?
    /// The shapes of its parameters.
    public var shapes: JSONValue?

    /// Describes a transform.
    public init(univariate: JSONValue? = nil, shapes: JSONValue? = nil) {
      self.univariate = univariate
      self.shapes = shapes
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      visitor.part("univariate", &univariate)
      visitor.part("shapes", &shapes)
    }
  }

  /// The splines of `NSF` and `NCSF`.
  public struct Spline: Hashable, Sendable, ArgumentGroup {
    /// The number of bins.
    public var bins: Int
    /// The minimum slope; that of the release if nil.
    public var slope: Double?
    /// The features, counted from 0, that are angles on the circle [-π, π); of `NSF`. Zuko has none.
    public var circular: [Int]
    /// The bound of each feature's spline; 5 for all if nil, and π for an angle. Zuko has one for all.
    public var bounds: [Double]?
    /// The minimum slope of each feature's spline; `slope` for all if nil. Zuko has one for all.
    public var slopes: [Double]?

    /// Makes arguments.
    public init(
      bins: Int = 8, slope: Double? = nil, circular: [Int] = [], bounds: [Double]? = nil,
      slopes: [Double]? = nil
    ) {
      self.bins = bins
      self.slope = slope
      self.circular = circular
      self.bounds = bounds
      self.slopes = slopes
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      try visitor.integer("bins", &bins, in: 2...SizeLimit.parts)
      try visitor.slope(&slope)
      try visitor.indices("circular", &circular, in: 0...SizeLimit.width)
      try visitor.numbers("bounds", &bounds, expected: "a positive number for each feature") {
        $0 > 0 && $0.isFinite
      }
      try visitor.numbers("slopes", &slopes, expected: "a number between 0 and 1 for each feature")
      {
        0 < $0 && $0 < 1
      }
    }

    /// Whether features differ in their splines.
    var isMixed: Bool { !circular.isEmpty || bounds != nil || slopes != nil }

    /// The spline of each feature.
    ///
    /// - Throws: `FlowError` for features that the flow does not have.
    func mixed(features: Int, slope: Double) throws(FlowError) -> MixedSpline {
      for (index, feature) in circular.enumerated() {
        guard feature < features, !circular[..<index].contains(feature) else {
          throw .invalid(
            place: "circular[\(index)]", found: "\(feature)",
            expected: "different features of 0 to \(features - 1)")
        }
      }
      for (place, given) in [("bounds", bounds), ("slopes", slopes)] {
        guard let given, given.count != features else { continue }
        throw .invalid(
          place: place, found: "\(given.count) numbers",
          expected: "\(features), one for each feature")
      }
      let isCircular = (0..<features).map { circular.contains($0) }
      return MixedSpline(
        isCircular: isCircular,
        bounds: isCircular.indices.map { isCircular[$0] ? .pi : bounds?[$0] ?? 5 },
        slopes: slopes ?? Array(repeating: slope, count: features))
    }
  }

  /// The polynomials of `SOSPF`.
  public struct SumOfSquares: Hashable, Sendable, ArgumentGroup {
    /// The degree of the polynomials that are squared.
    public var degree: Int
    /// The number of polynomials.
    public var polynomials: Int
    /// The minimum slope; that of the release if nil.
    public var slope: Double?

    /// Makes arguments.
    public init(degree: Int = 4, polynomials: Int = 3, slope: Double? = nil) {
      self.degree = degree
      self.polynomials = polynomials
      self.slope = slope
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      try visitor.integer("degree", &degree, in: 0...SizeLimit.parts)
      try visitor.integer("polynomials", &polynomials, in: 1...SizeLimit.parts)
      try visitor.slope(&slope)
    }
  }

  /// The polynomials of `BPF`.
  public struct Bernstein: Hashable, Sendable, ArgumentGroup {
    /// The degree.
    public var degree: Int
    /// Whether the polynomial is linear beyond its interval, in Zuko 1.1.
    public var isLinear: Bool

    /// Makes arguments.
    public init(degree: Int = 16, isLinear: Bool = false) {
      self.degree = degree
      self.isLinear = isLinear
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      try visitor.integer("degree", &degree, in: 0...SizeLimit.parts)
      if visitor.release.hasUnboundedPolynomialFlow { try visitor.flag("linear", &isLinear) }
    }
  }

  /// The monotonic networks of `NAF`.
  public struct MonotonicNetwork: Hashable, Sendable, ArgumentGroup {
    /// The elements of the signal that conditions a network.
    public var signal: Int
    /// The widths of its hidden layers.
    public var hiddenFeatures: [Int]

    /// Makes arguments.
    public init(signal: Int = 16, hiddenFeatures: [Int] = [64, 64]) {
      self.signal = signal
      self.hiddenFeatures = hiddenFeatures
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      try visitor.integer("signal", &signal, in: 1...SizeLimit.components)
      try visitor.object("network") { inner throws(FlowError) in
        try inner.integers("hidden_features", &hiddenFeatures, in: 1...SizeLimit.width)
      }
    }
  }

  /// The integrands of `UNAF`.
  public struct Integrand: Hashable, Sendable, ArgumentGroup {
    /// The elements of the signal that conditions a network.
    public var signal: Int
    /// The network that is integrated.
    public var network: NetworkShape

    /// Makes arguments.
    public init(signal: Int = 16, network: NetworkShape = NetworkShape(activation: .elu)) {
      self.signal = signal
      self.network = network
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      try visitor.integer("signal", &signal, in: 1...SizeLimit.components)
      try visitor.object("network") { inner throws(FlowError) in
        try network.visit(&inner, normalize: true)
      }
    }
  }

  /// The arguments of `GF`.
  public struct Gaussianization: Hashable, Sendable, ArgumentGroup {
    /// The number of transforms.
    public var transforms: Int
    /// The components of each feature's mixture.
    public var components: Int
    /// The hyper-network.
    public var network: NetworkShape

    /// Makes arguments.
    public init(transforms: Int = 3, components: Int = 8, network: NetworkShape = NetworkShape()) {
      self.transforms = transforms
      self.components = components
      self.network = network
    }

    mutating func visit(_ visitor: inout ArgumentVisitor) throws(FlowError) {
      try visitor.integer("transforms", &transforms, in: 1...SizeLimit.transforms)
      try visitor.integer("components", &components, in: 1...SizeLimit.components)
      try network.visit(&visitor, normalize: true)
    }
  }
}
