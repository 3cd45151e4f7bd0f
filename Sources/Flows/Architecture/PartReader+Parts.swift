import FlowFiles
import FlowIR

extension PartReader {
  /// The family of element-wise transforms; one with networks registers them in `scope`.
  func univariate(
    _ reader: DescriptionReader, in scope: ModuleScope? = nil
  ) throws(FlowError) -> Univariate {
    let shapes = try reader.shapes("shapes")
    guard let json = reader["univariate"] else {
      if let shapes, shapes != [[], []] {
        throw .invalid(
          place: reader.path("shapes"), found: "\(shapes)",
          expected: "[[], []] for MonotonicAffineTransform")
      }
      return .affine(slope: release.slope)
    }
    let inner = try self.reader(json, place: reader.path("univariate"))
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
    case "PositiveAffineTransform":
      if shapes != nil { try check([[], []]) }
      return try positiveAffine(inner)
    case "RationalQuadraticSpline":
      return try rationalQuadratic(inner, shapes: shapes, place: reader.path("shapes"))
    case "PiecewiseLinearSpline", "PiecewiseQuadraticSpline", "PiecewiseCubicSpline":
      return try piecewise(inner, shapes: shapes, place: reader.path("shapes"))
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
    case "SOSPolynomialTransform", "ShiftedSOSPTransform":
      try inner.allow(["slope"])
      let size = shapes?.first ?? []
      guard size.count == 2, size.allSatisfy({ $0 > 0 }) else {
        throw FlowError.invalid(
          place: reader.path("shapes"), found: reader["shapes"]?.text ?? "nothing",
          expected: "[[polynomials, degree + 1]] for SOSPolynomialTransform")
      }
      let slope = try slope(inner, default: release.polynomialSlope)
      if inner.type == "ShiftedSOSPTransform" || release.hasShiftedPolynomial {
        try check([size, []])
        return .sumOfSquares(degree: size[1] - 1, polynomials: size[0], slope: slope)
      }
      try check([size])
      return Univariate(shapes: [size]) { SOSPolynomialTransform(a: $0[0], slope: slope) }
    case "MNN", "UMNN":
      guard let scope else {
        throw FlowError.invalid(
          place: inner.path("type"), found: inner.type,
          expected: "a transform without a network, or one flow of custom parts")
      }
      let isMonotonic = inner.type == "MNN"
      let signal = try inner.integer("signal", default: 16, in: 1...SizeLimit.components)
      try check(isMonotonic ? [[signal]] : [[signal], []])
      guard try inner.integer("stack", default: nil, in: 1...SizeLimit.width) == features else {
        throw FlowError.invalid(
          place: inner.path("stack"), found: inner["stack"]?.text ?? "nothing",
          expected: "\(features), a network for each feature")
      }
      let place = scope.child("univariate")
      return isMonotonic
        ? try monotonic(inner, signal, in: place) : try integrated(inner, signal, in: place)
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
        bins: bins, bound: try bound(inner, default: 5), slope: try slope(inner))
    default:
      throw .unknownType(
        place: inner.path("type"), found: inner.type,
        known: [
          "MonotonicAffineTransform", "PositiveAffineTransform", "AdditiveTransform",
          "SignedPowerTransform", "RationalQuadraticSpline", "PiecewiseLinearSpline",
          "PiecewiseQuadraticSpline", "PiecewiseCubicSpline",
          "MonotonicRQSTransform", "CircularRQSTransform", "SOSPolynomialTransform",
          "ShiftedSOSPTransform", "BernsteinTransform", "BoundedBernsteinTransform",
          "GaussianizationTransform", "MNN", "UMNN",
        ])
    }
  }
}
