import FlowFiles

extension PartReader {
  /// A transform whose tensors, if it has any, are parameters or buffers of the flow.
  func unconditional(
    _ reader: DescriptionReader, in scope: ModuleScope
  ) throws(FlowError) -> any LazyTransform {
    guard let json = reader["f"] else {
      throw .invalid(place: reader.path("f"), found: "nothing", expected: "a transform")
    }
    let inner = try self.reader(json, place: reader.path("f"))
    let inverse = try inner.flag("inverse")
    let tensors = UnconditionalTensors(
      scope: scope, isBuffer: try reader.flag("buffer"),
      hasNamedArguments: release.hasNamedArguments)
    let make = try unconditional(inner, tensors)
    return UnconditionalTransform { inverse ? InverseTransform(make()) : make() }
  }

  private func unconditional(
    _ inner: DescriptionReader, _ tensors: UnconditionalTensors
  ) throws(FlowError) -> () -> any Transform {
    func each(_ make: @escaping () -> any Transform) -> () -> any Transform {
      { DependentTransform(make()) }
    }
    let vector = [features]
    let matrix = [features, features]
    if let make = try normalisation(inner, tensors) { return make }
    if let make = try orthogonal(inner, tensors) { return make }
    try inner.allow(["inverse"] + (Self.scalarArguments[inner.type].map { [$0] } ?? []))
    switch inner.type {
    case "IdentityTransform": return { IdentityTransform() }
    case "ExpTransform": return each { ExpTransform() }
    case "SigmoidTransform": return each { SigmoidTransform() }
    case "TanhTransform": return each { TanhTransform() }
    case "SoftplusTransform": return each { SoftplusTransform() }
    case "SinTransform": return each { SinTransform() }
    case "CosTransform": return each { CosTransform() }
    case "SoftclipTransform":
      let bound = try bound(inner)
      return each { SoftclipTransform(bound: bound) }
    case "CircularShiftTransform":
      let bound = try bound(inner)
      return each { CircularShiftTransform(bound: bound) }
    case "LeakyTanhTransform":
      let bound = try bound(inner, default: 3)
      return each { LeakyTanhTransform(bound: bound) }
    case "LogTanhTransform":
      let cut = try bound(inner, key: "cut")
      return each { LogTanhTransform(cut: cut) }
    case "CauchyTransform": return each { CauchyTransform() }
    case "AsinhTransform": return each { AsinhTransform() }
    case "TailTransform":
      let tail = LazyTailTransform(
        features: features, buffer: tensors.isBuffer, in: tensors.scope)
      return { tail(nil) }
    case "LeakyReLUTransform":
      let slope = try inner.number("slope", default: 1e-2)
      guard slope > 0, slope.isFinite else {
        throw .invalid(
          place: inner.path("slope"), found: "\(slope)", expected: "a positive number")
      }
      return each { LeakyReLUTransform(slope: slope) }
    case "PowerTransform":
      let exponent = tensors.tensor("exponent", 0, vector, .ones)
      return each { PowerTransform(exponent: exponent.tensor) }
    case "SignedPowerTransform":
      let alpha = tensors.tensor("alpha", 0, vector, .zeros)
      return each { SignedPowerTransform(alpha: alpha.tensor) }
    case "AffineTransform":
      let loc = tensors.tensor("loc", 0, vector, .zeros)
      let scale = tensors.tensor("scale", 1, vector, .ones)
      return each { AffineTransform(loc: loc.tensor, scale: scale.tensor) }
    case "BoundsTransform":
      func bound(_ name: String, _ position: Int, _ none: Double) -> Parameter {
        tensors.scope.tensor(
          tensors.name(name, position), vector,
          initializer: .values(Array(repeating: none, count: features)), isBuffer: true)
      }
      let lower = bound("lower", 0, -.infinity)
      let upper = bound("upper", 1, .infinity)
      return each { BoundsTransform(lower: lower.tensor, upper: upper.tensor) }
    case "MonotonicAffineTransform":
      let slope = try slope(inner)
      let shift = tensors.tensor("shift", 0, vector, .zeros)
      let scale = tensors.tensor("scale", 1, vector, .zeros)
      return each {
        MonotonicAffineTransform(shift: shift.tensor, scale: scale.tensor, slope: slope)
      }
    case "AdditiveTransform":
      let shift = tensors.tensor("shift", 0, vector, .zeros)
      return each { AdditiveTransform(shift: shift.tensor) }
    case "RotationTransform":
      let a = tensors.tensor("A", 0, matrix, .normal())
      return { RotationTransform(a: a.tensor) }
    case "LULinearTransform":
      try tensors.scope.registry.reserve(Size(features) * Size(features), for: tensors.scope.path)
      let identity = (0..<features * features).map { $0 % (features + 1) == 0 ? 1.0 : 0 }
      let lu = tensors.tensor("LU", 0, matrix, .values(identity))
      return { LULinearTransform(lu: lu.tensor) }
    case "PermutationTransform":
      let name = tensors.name("order", 0)
      let order = tensors.scope.integers(name, Array((0..<features).reversed()))
      guard order.sorted() == Array(0..<features) else {
        throw .wrongTensor(
          name: tensors.scope.qualified(name), found: "\(order)",
          expected: "a permutation of \(features) features")
      }
      return { PermutationTransform(order: order) }
    default:
      throw .unknownType(
        place: inner.path("type"), found: inner.type, known: Self.unconditionalTypes)
    }
  }

  /// A positive number, such as the bound of a transform.
  func bound(
    _ reader: DescriptionReader, key: String = "bound", default fallback: Double = 1
  ) throws(FlowError) -> Double {
    let bound = try reader.number(key, default: fallback)
    guard bound > 0, bound.isFinite else {
      throw .invalid(
        place: reader.path(key), found: "\(bound)", expected: "a positive number")
    }
    return bound
  }

  /// The arguments of transforms that are numbers in the description.
  private static let scalarArguments = [
    "SoftclipTransform": "bound", "CircularShiftTransform": "bound",
    "MonotonicAffineTransform": "slope", "LeakyReLUTransform": "slope",
    "LeakyTanhTransform": "bound", "LogTanhTransform": "cut",
  ]

  private static let unconditionalTypes = [
    "IdentityTransform", "AffineTransform", "AdditiveTransform", "MonotonicAffineTransform",
    "BoundsTransform",
    "ExpTransform", "SigmoidTransform", "TanhTransform", "SoftplusTransform", "PowerTransform",
    "SignedPowerTransform", "SinTransform", "CosTransform", "SoftclipTransform",
    "CircularShiftTransform", "PermutationTransform", "RotationTransform", "LULinearTransform",
    "LUProductTransform", "HouseholderTransform", "QRLinearTransform", "BatchNorm", "ActNorm",
    "LeakyReLUTransform",
    "LeakyTanhTransform", "LogTanhTransform", "CauchyTransform",
    "AsinhTransform", "TailTransform",
  ]
}

/// The tensors of an unconditional module: under their own names, or under their places if the
/// checkpoint has those; with one number for all features, if it has that.
struct UnconditionalTensors {
  let scope: ModuleScope
  let isBuffer: Bool
  let hasNamedArguments: Bool

  func name(_ name: String, _ position: Int) -> String {
    let isPositional = scope.isStored("_\(position)")
    return isPositional || !hasNamedArguments ? "_\(position)" : name
  }

  func tensor(
    _ name: String, _ position: Int, _ shape: [Int], _ initializer: Parameter.Initializer
  ) -> Parameter {
    let key = self.name(name, position)
    let isScalar = scope.registry.checkpoint.shape(scope.qualified(key)) == []
    let shape = isScalar && shape.count == 1 ? [] : shape
    return scope.tensor(key, shape, initializer: initializer, isBuffer: isBuffer)
  }
}
