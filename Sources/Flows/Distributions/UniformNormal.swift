import FlowIR

/// Independent features, some uniform on [-s/2, s/2] and the others normal with mean 0 and deviation s: a base for
/// features of which some are angles, as normflows has it.
public struct UniformNormal: Distribution {
  private let scale: Tensor
  private let isUniform: [Bool]
  /// The number of features, D.
  public var features: Int { isUniform.count }

  /// Makes the distribution from the scales [D] and which features are uniform.
  public init(scale: Tensor, isUniform: [Bool]) {
    precondition(
      scale.shape == [isUniform.count],
      "there must be a scale for each of \(isUniform.count) features, found \(scale.shape)")
    self.scale = scale
    self.isUniform = isUniform
  }

  private func choose(_ uniform: Tensor, _ normal: Tensor) -> Tensor {
    let bits = isUniform.map { $0 ? 1.0 : 0 }
    let mask = scale.trace.emit(.constant(Literal(bits, shape: [features], dtype: .bool)), [])
    return select(mask, uniform, normal)
  }

  /// The sum of the features' log-densities; -inf outside of an interval.
  public func logProb(_ x: Tensor) -> Tensor {
    let z = x / scale
    let box = select(
      isNaN(z), z, select(abs(z) .<= 0.5, z.like(0), z.like(-Double.infinity)))
    let bell = -0.5 * square(z) - 0.9189385332046727  // log(2 pi) / 2
    return choose(box, bell).sum(axis: 0) - log(abs(scale)).sum(axis: 0)
  }

  /// The scales times uniform or normal numbers.
  public func sample(seed: Tensor) -> Tensor {
    let trace = seed.trace
    return scale
      * choose(
        trace.random(.uniform, shape: [features], seed: seed) - 0.5,
        trace.random(.normal, shape: [features], seed: seed))
  }
}
