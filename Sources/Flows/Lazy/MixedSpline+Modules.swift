extension MixedSpline {
  /// Uniform on the circle for angles, a little wider as in Zuko's `NCSF`; standard normal for the others.
  func base(in scope: ModuleScope) -> UnconditionalDistribution {
    let width = 2 * (Double.pi + 1e-5)
    let (isCircular, count) = (isCircular, isCircular.count)
    let scale = scope.buffer(
      "scale", [count], initializer: .values(isCircular.map { $0 ? width : 1 }))
    return UnconditionalDistribution { UniformNormal(scale: scale.tensor, isUniform: isCircular) }
  }
}

extension Univariate {
  /// `MixedSplineTransform` with a number of bins.
  static func spline(bins: Int, _ kinds: MixedSpline) -> Univariate {
    Univariate(shapes: [[bins], [bins], [bins - 1]]) {
      MixedSplineTransform(widths: $0[0], heights: $0[1], derivatives: $0[2], kinds: kinds)
    }
  }
}
