import FlowFiles
import FlowIR

extension FlowDescription {
  func univariate(_ reader: DescriptionReader) throws(FlowError) -> Univariate {
    let shapes = try reader.shapes("shapes")
    guard let json = reader["univariate"] else {
      if let shapes, shapes != [[], []] {
        throw .invalid(
          place: reader.path("shapes"), found: "\(shapes)",
          expected: "[[], []] for MonotonicAffineTransform")
      }
      return .affine()
    }
    let inner = try DescriptionReader(json, place: reader.path("univariate"))
    func check(_ expected: [[Int]]) throws(FlowError) {
      guard shapes == expected else {
        throw .invalid(
          place: reader.path("shapes"), found: reader["shapes"]?.text ?? "nothing",
          expected: "\(expected) for \(inner.type)")
      }
    }
    switch inner.type {
    case "MonotonicAffineTransform":
      try inner.allow(["slope"])
      if shapes != nil { try check([[], []]) }
      return .affine(slope: try slope(inner))
    case "AdditiveTransform":
      try inner.allow([])
      try check([[]])
      return .additive
    case "BernsteinTransform", "BoundedBernsteinTransform":
      let isBounded = inner.type == "BoundedBernsteinTransform"
      try inner.allow(["bound"])
      let count = shapes?.first?.first ?? 17
      guard count >= (isBounded ? 1 : 2) else {
        throw FlowError.invalid(
          place: reader.path("shapes"), found: "\(count) coefficients", expected: "2 or more")
      }
      try check([[count]])
      let bound = try bound(inner, default: 5)
      return isBounded
        ? .boundedBernstein(degree: count - 1, bound: bound)
        : .bernstein(degree: count - 1, bound: bound)
    case "SOSPolynomialTransform":
      try inner.allow(["slope"])
      let size = shapes?.first ?? []
      guard size.count == 2, size.allSatisfy({ $0 > 0 }) else {
        throw FlowError.invalid(
          place: reader.path("shapes"), found: reader["shapes"]?.text ?? "nothing",
          expected: "[[polynomials, degree + 1]] for SOSPolynomialTransform")
      }
      try check([size])
      let slope = try slope(inner)
      return Univariate(shapes: [size]) { SOSPolynomialTransform(a: $0[0], slope: slope) }
    case "GaussianizationTransform":
      try inner.allow([])
      let count = max(shapes?.first?.first ?? 8, 1)
      try check([[count], [count]])
      return .gaussianization(components: count)
    case "SignedPowerTransform":
      try inner.allow([])
      try check([[]])
      return .signedPower
    case "MonotonicRQSTransform", "CircularRQSTransform":
      let isCircular = inner.type == "CircularRQSTransform"
      try inner.allow(isCircular ? ["slope"] : ["bound", "slope"])
      let bins = shapes?.first?.first ?? 8
      guard bins >= 2 else {
        throw FlowError.invalid(
          place: reader.path("shapes"), found: "\(bins) bins", expected: "2 or more")
      }
      try check([[bins], [bins], [bins - 1]])
      if isCircular { return .circularSpline(bins: bins, slope: try slope(inner)) }
      return .spline(
        bins: bins, bound: try inner.number("bound", default: 5), slope: try slope(inner))
    default:
      throw .unknownType(
        place: inner.path("type"), found: inner.type,
        known: [
          "MonotonicAffineTransform", "AdditiveTransform", "SignedPowerTransform",
          "MonotonicRQSTransform", "CircularRQSTransform", "SOSPolynomialTransform",
          "BernsteinTransform", "BoundedBernsteinTransform", "GaussianizationTransform",
        ])
    }
  }

  func base(
    _ json: JSONValue, place: String, in scope: ModuleScope
  ) throws(FlowError) -> any LazyDistribution {
    let reader = try DescriptionReader(json, place: place)
    guard reader.type == "UnconditionalDistribution", let inner = reader["f"] else {
      throw .unknownType(
        place: reader.path("type"), found: reader.type, known: ["UnconditionalDistribution"])
    }
    try reader.allow(["f", "buffer"])
    let distribution = try DescriptionReader(inner, place: reader.path("f"))
    try distribution.allow([])
    let buffer = try reader.flag("buffer")
    switch distribution.type {
    case "DiagNormal":
      return UnconditionalDistribution.diagNormal(
        features: features, buffer: buffer, in: scope)
    case "BoxUniform":
      return UnconditionalDistribution.boxUniform(
        features: features, buffer: buffer, in: scope)
    case "GeneralizedNormal":
      return UnconditionalDistribution.generalizedNormal(
        features: features, buffer: buffer, in: scope)
    default:
      throw .unknownType(
        place: distribution.path("type"), found: distribution.type,
        known: ["DiagNormal", "BoxUniform", "GeneralizedNormal"])
    }
  }

  static let continuous = [
    "freqs", "atol", "rtol", "exact", "hidden_features", "activation", "normalize",
  ]

  func continuous(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> FFJTransform {
    var network = try reader.network(["normalize"])
    if reader["activation"] == nil { network.activation = .elu }
    var control = ODEControl(
      atol: try reader.number("atol", default: 1e-6), rtol: try reader.number("rtol", default: 1e-5)
    )
    // The kinks of an activation take steps in proportion to the root of the tolerance.
    if max(control.atol, control.rtol) < 1e-8 { control.steps = 1 << 14 }
    guard control.atol >= 0, control.rtol >= 0, control.atol + control.rtol > 0 else {
      throw .invalid(
        place: reader.path("atol"), found: "\(control.atol) and \(control.rtol)",
        expected: "tolerances that are not negative, and not both 0")
    }
    // False lets Zuko estimate the trace; here it is exact all the same, at the cost of an estimate.
    _ = try reader.flag("exact", default: true)
    return FFJTransform(
      features: features, context: context,
      freqs: try reader.integer("freqs", default: 3, minimum: 1), control: control,
      network: network, in: scope)
  }
}
