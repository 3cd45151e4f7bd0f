/// A lazy coupling transform (Dinh et al., "NICE", 2014, arXiv:1410.8516).
public struct GeneralCouplingTransform: LazyTransform {
  private let mask: [Bool]
  private let hyper: any Layer
  private let univariate: Univariate
  private let path: String

  /// Registers the buffer `mask` and the network `hyper`; features where the mask is set are not
  /// transformed. The default is a checkered mask.
  ///
  /// - Throws: `FlowError` for a mask that does not fit or leaves nothing on one side.
  public init(
    features: Int, context: Int = 0, mask: [Bool]? = nil, univariate: Univariate = .affine(),
    network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) throws(FlowError) {
    let bits = scope.booleans(
      "mask", mask ?? (0..<features).map { $0 % 2 == 1 }, shape: [features])
    let constant = bits.reduce(0) { $0 + ($1 ? 1 : 0) }
    guard bits.count == features, 0 < constant, constant < features else {
      throw .invalid(
        place: scope.qualified("mask"), found: "\(constant) of \(bits.count) entries set",
        expected: "\(features) entries, some set and some not")
    }
    self.mask = bits
    hyper = network.layer(
      constant + context, (features - constant) * univariate.total, in: scope.child("hyper"))
    self.univariate = univariate
    path = scope.path
  }

  /// The coupling transform for a context [C], or for none.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    CouplingTransform(mask: mask) { a in
      a.trace.inScope(path) {
        let input = context.map { Tensor.concatenate([a, $0]) } ?? a
        return DependentTransform(univariate.make(univariate.unpack(hyper(input))))
      }
    }
  }
}

/// A lazy transform of each feature on its own, its parameters given by the context or free.
public struct ElementWiseTransform: LazyTransform {
  private let hyper: (any Layer)?
  private let phi: [Parameter]
  private let univariate: Univariate
  private let path: String

  /// Registers the network `hyper` if there is a context, else the parameters `phi.0`, `phi.1`, ….
  public init(
    features: Int, context: Int = 0, univariate: Univariate = .affine(),
    network: HyperNetwork = HyperNetwork(), in scope: ModuleScope
  ) {
    if context > 0 {
      hyper = network.layer(context, features * univariate.total, in: scope.child("hyper"))
      phi = []
    } else {
      hyper = nil
      let folder = scope.child("phi")
      phi = univariate.shapes.enumerated().map { index, shape in
        folder.parameter(
          "\(index)", [features] + shape, initializer: .normal(deviation: univariate.deviation))
      }
    }
    self.univariate = univariate
    path = scope.path
  }

  /// The element-wise transform for a context [C], or that of the free parameters.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    guard let hyper else { return DependentTransform(univariate.make(phi.map(\.tensor))) }
    guard let context else { preconditionFailure("\(path): this transform needs a context") }
    return context.trace.inScope(path) {
      DependentTransform(univariate.make(univariate.unpack(hyper(context))))
    }
  }
}
