/// A module that gives a transform for a context.
public protocol LazyTransform {
  /// The transform for a context [*, C], or for none.
  func callAsFunction(_ context: Tensor?) -> any Transform
}

/// A module that gives a distribution for a context.
public protocol LazyDistribution {
  /// The distribution for a context [*, C], or for none.
  func callAsFunction(_ context: Tensor?) -> any Distribution
}

extension LazyTransform {
  /// The lazy inverse.
  public var inv: any LazyTransform { LazyInverse(self) }
}

/// The inverse of a lazy transform.
public struct LazyInverse: LazyTransform {
  let transform: any LazyTransform

  /// Makes the inverse.
  public init(_ transform: any LazyTransform) { self.transform = transform }

  /// The inverse of the transform for a context.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    InverseTransform(transform(context))
  }
}

/// Lazy transforms applied one after the other.
public struct LazyComposedTransform: LazyTransform {
  let transforms: [any LazyTransform]

  /// Makes the composition; the first is applied to the data.
  public init(_ transforms: [any LazyTransform]) { self.transforms = transforms }

  /// The transforms for a context, one after the other.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    ComposedTransform(transforms.map { $0(context) })
  }
}

/// A transform that does not depend on the context; its tensors are parameters or buffers.
public struct UnconditionalTransform: LazyTransform {
  private let make: () -> any Transform

  /// Makes the module from a closure over the tensors of registered parameters.
  public init(_ make: @escaping () -> any Transform) { self.make = make }

  /// The result of the closure, whatever the context is.
  public func callAsFunction(_ context: Tensor?) -> any Transform { make() }
}

/// A distribution that does not depend on the context; its tensors are parameters or buffers.
public struct UnconditionalDistribution: LazyDistribution {
  private let make: () -> any Distribution

  /// Makes the module from a closure over the tensors of registered parameters.
  public init(_ make: @escaping () -> any Distribution) { self.make = make }

  /// The result of the closure, whatever the context is.
  public func callAsFunction(_ context: Tensor?) -> any Distribution { make() }

  /// Standard normal features, with the tensors `loc` and `scale`, or `_0` and `_1` if arguments are
  /// named by position: parameters that are trained, or buffers. If nil, the checkpoint
  /// decides.
  public static func diagNormal(
    features: Int, buffer: Bool = true, byPosition: Bool? = nil, in scope: ModuleScope
  ) -> UnconditionalDistribution {
    let names = names(["loc", "scale"], byPosition, scope)
    let loc = scope.tensor(names[0], [features], initializer: .zeros, isBuffer: buffer)
    let scale = scope.tensor(names[1], [features], initializer: .ones, isBuffer: buffer)
    return UnconditionalDistribution { DiagNormal(loc: loc.tensor, scale: scale.tensor) }
  }

  /// Uniform features on a box, with the tensors `lower` and `upper`, or `_0` and `_1`.
  public static func boxUniform(
    features: Int, lower: Double = 0, upper: Double = 1, buffer: Bool = true,
    byPosition: Bool? = nil, in scope: ModuleScope
  ) -> UnconditionalDistribution {
    let names = names(["lower", "upper"], byPosition, scope)
    let low = scope.tensor(
      names[0], [features], initializer: .values(Array(repeating: lower, count: features)),
      isBuffer: buffer)
    let high = scope.tensor(
      names[1], [features], initializer: .values(Array(repeating: upper, count: features)),
      isBuffer: buffer)
    return UnconditionalDistribution { BoxUniform(lower: low.tensor, upper: high.tensor) }
  }

  /// Features with densities proportional to `exp(-|x|^β)`, with the tensor `beta`, or `_0`.
  public static func generalizedNormal(
    features: Int, beta: Double = 2, buffer: Bool = true, byPosition: Bool? = nil,
    in scope: ModuleScope
  ) -> UnconditionalDistribution {
    let names = names(["beta"], byPosition, scope)
    let shape = scope.tensor(
      names[0], [features], initializer: .values(Array(repeating: beta, count: features)),
      isBuffer: buffer)
    return UnconditionalDistribution { Independent(GeneralizedNormal(beta: shape.tensor)) }
  }

  /// The tensors' names: `_0`, `_1`, … in a checkpoint whose arguments were given by position.
  private static func names(
    _ names: [String], _ byPosition: Bool?, _ scope: ModuleScope
  ) -> [String] {
    byPosition ?? scope.isStored("_0") ? names.indices.map { "_\($0)" } : names
  }
}

/// A normalizing flow as a lazy distribution: a lazy transform and a lazy base.
///
/// Several flows and networks live in one model as children of one scope:
///
///     let scope = ModuleScope.root(seed: 0)
///     let prior = try Flow(MAF(features: 16), in: scope.child("prior"))
///     let encoder = MLP(784, 32, in: scope.child("encoder"))
public struct Flow: LazyDistribution {
  /// The transform from data to the base.
  public let transform: any LazyTransform
  /// The base.
  public let base: any LazyDistribution

  /// Makes the flow.
  public init(transform: any LazyTransform, base: any LazyDistribution) {
    self.transform = transform
    self.base = base
  }

  /// Makes the flow from transforms that are applied one after the other, the first to the data.
  public init(transforms: [any LazyTransform], base: any LazyDistribution) {
    self.init(transform: LazyComposedTransform(transforms), base: base)
  }

  /// Builds a described flow as a part of a larger model.
  ///
  /// - Throws: `FlowError` for a description that does not fit.
  public init(_ description: FlowDescription, in scope: ModuleScope) throws(FlowError) {
    self = try description.build(in: scope)
  }

  /// Builds the architecture of a pre-built flow as a part of a larger model.
  ///
  /// - Throws: `FlowError` for a flow that has no description.
  public init(_ flow: some PrebuiltFlow, in scope: ModuleScope) throws(FlowError) {
    guard let description = flow.model.description else {
      throw .invalid(
        place: scope.path, found: "a flow that a closure built",
        expected: "a described one; call the closure with this scope instead")
    }
    self = try description.build(in: scope)
  }

  /// The normalizing flow for a context [C], or for none.
  public func callAsFunction(_ context: Tensor?) -> any Distribution {
    normalizingFlow(context)
  }

  /// The distribution for a context, with its transform.
  public func normalizingFlow(_ context: Tensor?) -> NormalizingFlow {
    NormalizingFlow(transform: transform(context), base: base(context))
  }
}
