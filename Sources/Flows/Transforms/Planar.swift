/// `f(x) = x + û h(w·x + b)` with `h` of one number (Rezende and Mohamed, "Variational Inference with
/// Normalizing Flows", 2015, arXiv:1505.05770): tanh, or `LeakyReLU` of a slope.
///
/// `û` is `u` moved along `w` such that `w·û = log(1 + softplus(w·u)) - 1`, above -1, which makes `f`
/// invertible: the function of flowjax. The inverse with tanh is found by root finding, for one number of
/// each row.
public struct PlanarTransform: Transform {
  private let weight: Tensor
  private let direction: Tensor
  private let bias: Tensor
  private let negativeSlope: Double?
  /// w·û + 1, a positive scalar.
  private let stretch: Tensor

  /// Makes the transform from `w` and `u` of shape [D] and the scalar `b`.
  ///
  /// - Parameters:
  ///   - weight: `w`, not zero.
  ///   - scale: `u`.
  ///   - bias: `b`.
  ///   - negativeSlope: the slope of `h` below 0, positive and at most 1; nil for tanh.
  public init(weight: Tensor, scale: Tensor, bias: Tensor, negativeSlope: Double? = nil) {
    self.weight = weight
    self.bias = bias
    self.negativeSlope = negativeSlope
    let product = (weight * scale).sum(axis: -1)
    stretch = log1p(softplus(product))
    direction =
      scale + weight * ((stretch - 1 - product) / square(weight).sum(axis: -1)).expandedLast()
  }

  /// `h` and its derivative; 1 less the derivative, without cancellation.
  private func bend(_ z: Tensor) -> (value: Tensor, slope: Tensor, rest: Tensor) {
    guard let negativeSlope else {
      let value = tanh(z)
      return (value, 1 - square(value), square(value))
    }
    let slope = select(z .< 0, z.like(negativeSlope), z.like(1))
    return (z * slope, slope, 1 - slope)
  }

  /// d(w·y)/d(w·x), which is the determinant.
  private func determinant(_ slope: Tensor, _ rest: Tensor) -> Tensor { rest + slope * stretch }

  /// `x + û h(w·x + b)`; the log of `1 + w·û h'`.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let bent = bend((x * weight).sum(axis: -1) + bias)
    return (x + direction * bent.value.expandedLast(), log(determinant(bent.slope, bent.rest)))
  }

  /// The inverse, from the root `z` of `z + w·û h(z) = w·y + b`; the negative log of `1 + w·û h'`.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let target = (y * weight).sum(axis: -1) + bias
    let z: Tensor
    if negativeSlope != nil {  // `h` has the slope of the target's sign.
      let bent = bend(target)
      z = target / determinant(bent.slope, bent.rest)
    } else {
      z = target.monotoneRoot(
        slope: {
          let bent = bend($0)
          return determinant(bent.slope, bent.rest)
        },
        of: { $0 + (stretch - 1) * bend($0).value })
    }
    let bent = bend(z)
    return (y - direction * bent.value.expandedLast(), -log(determinant(bent.slope, bent.rest)))
  }
}
