/// A transform of some features, each on its own, with free parameters whatever the context.
public struct FreeElementWiseTransform: LazyTransform {
  private let mask: [Bool]
  private let phi: [Parameter]
  private let univariate: Univariate

  /// Registers the buffer `mask` and the parameters `phi.0`, `phi.1`, … of the features where the mask is
  /// not set; the others are not transformed. All features are transformed by default.
  ///
  /// - Throws: `FlowError` for a mask that does not fit or leaves nothing to transform.
  public init(
    features: Int, mask: [Bool]? = nil, univariate: Univariate = .affine(), in scope: ModuleScope
  ) throws(FlowError) {
    let bits = scope.booleans(
      "mask", mask ?? Array(repeating: false, count: features), shape: [features])
    let count = bits.count { !$0 }
    guard bits.count == features, count > 0 else {
      throw .invalid(
        place: scope.qualified("mask"), found: "\(bits.count - count) of \(bits.count) entries set",
        expected: "\(features) entries, some not set")
    }
    self.mask = bits
    let folder = scope.child("phi")
    phi = univariate.shapes.enumerated().map { index, shape in
      folder.parameter(
        "\(index)", [count] + shape, initializer: .normal(deviation: univariate.deviation))
    }
    self.univariate = univariate
  }

  /// The transform of the free parameters.
  public func callAsFunction(_ context: Tensor?) -> any Transform {
    func transform() -> any Transform {
      DependentTransform(univariate.make(phi.map(\.tensor)))
    }
    return mask.contains(true) ? CouplingTransform(mask: mask) { _ in transform() } : transform()
  }
}
