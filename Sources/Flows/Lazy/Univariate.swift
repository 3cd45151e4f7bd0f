/// A family of element-wise transforms: the shapes of its parameters for one feature, and how a
/// transform is made from parameters of shape [D, *shape].
public struct Univariate {
  /// The shapes of the parameters for one feature.
  public let shapes: [[Int]]
  /// Makes the transform.
  public let make: ([Tensor]) -> any Transform
  /// The deviation of free parameters, which no network gives, before training. Where parameters near 0
  /// make a transform near the identity it is small: with 1, Zuko's, the scale of three affine transforms
  /// in a row is often wrong by a factor of ten. Others, such as mixtures, need parameters that differ.
  public var deviation = 1.0

  /// Makes a family.
  public init(shapes: [[Int]], make: @escaping ([Tensor]) -> any Transform) {
    self.shapes = shapes
    self.make = make
  }

  private func starting(deviation: Double) -> Univariate {
    var family = self
    family.deviation = deviation
    return family
  }

  /// The number of parameters for one feature: a hyper-network for D features has D times as many
  /// outputs.
  public var total: Int { shapes.reduce(0) { $0 + $1.reduce(1, *) } }

  /// `MonotonicAffineTransform` of a shift and a scale.
  public static func affine(slope: Double = 1e-3) -> Univariate {
    Univariate(shapes: [[], []]) {
      MonotonicAffineTransform(shift: $0[0], scale: $0[1], slope: slope)
    }.starting(deviation: 0.1)
  }

  /// `AdditiveTransform` of a shift.
  public static var additive: Univariate {
    Univariate(shapes: [[]]) { AdditiveTransform(shift: $0[0]) }
  }

  /// `MonotonicRQSTransform` with a number of bins.
  public static func spline(
    bins: Int = 8, bound: Double = 5, slope: Double = 1e-3
  ) -> Univariate {
    Univariate(shapes: [[bins], [bins], [bins - 1]]) {
      MonotonicRQSTransform(
        widths: $0[0], heights: $0[1], derivatives: $0[2], bound: bound, slope: slope)
    }.starting(deviation: 0.1)
  }

  /// `CircularRQSTransform` with a number of bins.
  public static func circularSpline(bins: Int = 8, slope: Double = 1e-3) -> Univariate {
    Univariate(shapes: [[bins], [bins], [bins - 1]]) {
      CircularRQSTransform(widths: $0[0], heights: $0[1], derivatives: $0[2], slope: slope)
    }.starting(deviation: 0.1)
  }

  /// `SOSPolynomialTransform` with a number of polynomials of a degree, then a shift.
  public static func sumOfSquares(
    degree: Int = 4, polynomials: Int = 3, slope: Double = 1e-3
  ) -> Univariate {
    Univariate(shapes: [[polynomials, degree + 1], []]) {
      ComposedTransform([
        SOSPolynomialTransform(a: $0[0], slope: slope), AdditiveTransform(shift: $0[1]),
      ])
    }
  }

  /// `BoundedBernsteinTransform`.
  public static func boundedBernstein(degree: Int = 16, bound: Double = 5) -> Univariate {
    Univariate(shapes: [[degree + 1]]) {
      BoundedBernsteinTransform(theta: $0[0], bound: bound)
    }
  }

  /// `BernsteinTransform`.
  public static func bernstein(degree: Int = 16, bound: Double = 5) -> Univariate {
    Univariate(shapes: [[degree + 1]]) { BernsteinTransform(theta: $0[0], bound: bound) }
  }

  /// `BernsteinTransform` of Zuko 1.1, of a squashed feature.
  static func squashedBernstein(degree: Int = 16, isLinear: Bool = false) -> Univariate {
    Univariate(shapes: [[degree + 1]]) {
      SquashedBernsteinTransform(theta: $0[0], isLinear: isLinear)
    }
  }

  /// `GaussianizationTransform` with a number of components.
  public static func gaussianization(components: Int = 8) -> Univariate {
    Univariate(shapes: [[components], [components]]) {
      GaussianizationTransform(shift: $0[0], scale: $0[1])
    }
  }

  /// `SignedPowerTransform` of an exponent.
  public static var signedPower: Univariate {
    Univariate(shapes: [[]]) { SignedPowerTransform(alpha: $0[0]) }
  }

  /// Cuts the output of a hyper-network [D * total] into the parameters [D, *shape], feature by
  /// feature.
  public func unpack(_ phi: Tensor) -> [Tensor] {
    let features = (phi.shape.last ?? 0) / total
    let rows = phi.reshaped([features, total])
    var start = 0
    return shapes.map { shape in
      let size = shape.reduce(1, *)
      defer { start += size }
      return rows.slice(start, start + size, axis: 1).reshaped([features] + shape)
    }
  }
}

/// The hyper-network that gives a transform's parameters: the shape of a standard one, or a network of
/// one's own.
public struct HyperNetwork: Sendable {
  /// The widths of the hidden layers.
  public var hiddenFeatures: [Int]
  /// The function between layers.
  public var activation: Activation
  /// Whether a masked network uses residual blocks.
  public var residual: Bool
  /// Whether a plain network normalises between layers.
  public var normalize: Bool
  var own: Builder?
  var ownMasked: MaskedBuilder?

  /// Makes the shape of a multi-layer perceptron: an `MLP`, or a `MaskedMLP` where the transform is
  /// autoregressive.
  public init(
    hiddenFeatures: [Int] = [64, 64], activation: Activation = .relu, residual: Bool = false,
    normalize: Bool = false
  ) {
    self.hiddenFeatures = hiddenFeatures
    self.activation = activation
    self.residual = residual
    self.normalize = normalize
  }
}
