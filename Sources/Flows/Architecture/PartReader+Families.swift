import FlowFiles

/// Families of element-wise transforms that other libraries have and Zuko does not.
extension PartReader {
  /// An affine transform whose scale a function makes positive.
  func positiveAffine(_ inner: DescriptionReader) throws(FlowError) -> Univariate {
    var visitor = ArgumentVisitor(inner, place: inner.place, release: release)
    var positive = PositiveAffineTransform.Positive.softplus
    var (offset, epsilon) = (0.0, 1e-3)
    try visitor.choice("positive", &positive)
    try visitor.number("offset", &offset)
    try visitor.number("epsilon", &epsilon, expected: "a number of 0 or more") { $0 >= 0 }
    try inner.allow(visitor.keys)
    return Univariate(shapes: [[], []]) {
      PositiveAffineTransform(
        shift: $0[0], scale: $0[1], positive: positive, offset: offset, epsilon: epsilon)
    }
  }

  /// A spline whose bins are shares of a softmax.
  func rationalQuadratic(
    _ inner: DescriptionReader, shapes: [[Int]]?, place: String
  ) throws(FlowError) -> Univariate {
    var visitor = ArgumentVisitor(inner, place: inner.place, release: release)
    var constants = RationalQuadraticSpline.Constants()
    try visitor.flag("linear_tails", &constants.hasLinearTails, default: true)
    if constants.hasLinearTails {
      try visitor.flag("free_ends", &constants.hasFreeEnds)
      if inner["x_min"] == nil, inner["x_max"] == nil {
        var bound = 1.0
        try visitor.number("bound", &bound, expected: "a positive number") { $0 > 0 }
        constants.x = -bound...bound
      } else {
        constants.x = try interval("x", &visitor)
      }
      constants.y = constants.x
    } else {
      constants.x = try interval("x", &visitor)
      constants.y = try interval("y", &visitor)
    }
    let bins = shapes?.first?.first ?? 8
    let knots = constants.derivatives(bins: bins)
    guard bins >= 2, shapes == [[bins], [bins], [knots]] else {
      throw .invalid(
        place: place, found: shapes.map { "\($0)" } ?? "nothing",
        expected: "[[\(bins)], [\(bins)], [\(knots)]] for \(inner.type), and 2 bins or more")
    }
    let share = 1 / Double(bins)
    try visitor.number(
      "min_bin_width", &constants.leastWidth, expected: "a share of less than 1 / \(bins)"
    ) { 0 <= $0 && $0 < share }
    try visitor.number(
      "min_bin_height", &constants.leastHeight, expected: "a share of less than 1 / \(bins)"
    ) { 0 <= $0 && $0 < share }
    try visitor.number(
      "min_derivative", &constants.leastDerivative, expected: "a number of 0 to less than 1"
    ) { 0 <= $0 && $0 < 1 }
    try visitor.number("logit_scale", &constants.logitScale)
    try inner.allow(visitor.keys)
    let given = constants
    return Univariate(shapes: [[bins], [bins], [knots]]) {
      RationalQuadraticSpline(
        widths: $0[0], heights: $0[1], derivatives: $0[2], constants: given)
    }
  }

  /// An interval, from 0 to 1 if nothing is said, as `x_min` and `x_max` of an axis `x`.
  private func interval(
    _ axis: String, _ visitor: inout ArgumentVisitor
  ) throws(FlowError) -> ClosedRange<Double> {
    var (low, high) = (0.0, 1.0)
    try visitor.number("\(axis)_min", &low)
    try visitor.number("\(axis)_max", &high, expected: "more than \(axis)_min") { $0 > low }
    guard low < high else {
      throw .invalid(
        place: visitor.path("\(axis)_min"), found: "\(low)", expected: "less than \(axis)_max")
    }
    return low...high
  }

  /// Linear transforms of nflows that do not depend on the context; nil for another class.
  func normalisation(
    _ inner: DescriptionReader, _ tensors: UnconditionalTensors
  ) throws(FlowError) -> (() -> any Transform)? {
    let vector = [features]
    func tensor(_ name: String, _ start: Parameter.Initializer, buffer: Bool? = nil) -> Parameter {
      tensors.scope.tensor(
        name, vector, initializer: start, isBuffer: buffer ?? tensors.isBuffer)
    }
    func epsilon(_ fallback: Double) throws(FlowError) -> Double {
      try inner.allow(["inverse", "epsilon"])
      let epsilon = try inner.number("epsilon", default: fallback)
      guard epsilon >= 0, epsilon.isFinite else {
        throw .invalid(
          place: inner.path("epsilon"), found: "\(epsilon)", expected: "a number of 0 or more")
      }
      return epsilon
    }
    switch inner.type {
    case "LUProductTransform":
      let epsilon = try epsilon(1e-3)
      let scope = tensors.scope
      let square = Size(features) * Size(features)
      try scope.registry.reserve(square, for: scope.path)
      let count = features * (features - 1) / 2
      func entries(_ name: String) -> Parameter? {
        count > 0
          ? scope.tensor(name, [count], initializer: .zeros, isBuffer: tensors.isBuffer) : nil
      }
      let lower = entries("lower_entries")
      let upper = entries("upper_entries")
      let one = logOf(expOf(1 - epsilon) - 1)
      let diagonal = tensor(
        "unconstrained_upper_diag", .values(Array(repeating: one, count: features)))
      let bias = tensor("bias", .zeros)
      return {
        LUProductTransform(
          lower: lower?.tensor, upper: upper?.tensor, diagonal: diagonal.tensor,
          bias: bias.tensor, epsilon: epsilon)
      }
    case "BatchNorm":
      let module = LazyBatchNorm(
        features: features, epsilon: try epsilon(1e-5), buffer: tensors.isBuffer, in: tensors.scope)
      return { module(nil) }
    case "ActNorm":
      try inner.allow(["inverse"])
      let module = LazyActNorm(features: features, buffer: tensors.isBuffer, in: tensors.scope)
      return { module(nil) }
    default: return nil
    }
  }
}
