/// The piece of a rational-quadratic spline in which each element lies: its lower left corner, its size, the
/// derivatives at its ends and its mean slope.
struct SplineBin {
  let x0, width, y0, height, d0, d1, slope: Tensor

  /// log dy/dx at the place `z` in [0, 1] of a bin; `denominator` is s + (d0 + d1 - 2 s) z (1 - z).
  private func logSlope(_ z: Tensor, _ denominator: Tensor) -> Tensor {
    let u = 1 - z
    let numerator = 2 * slope * (z * u) + d0 * square(u) + d1 * square(z)
    return log(numerator * square(slope / denominator))
  }

  /// The piece at elements that lie in it; the log of the slope for each.
  func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let z = (x - x0) / width
    let product = z * (1 - z)
    let denominator = slope + (d0 + d1 - 2 * slope) * product
    let y = y0 + height * (slope * square(z) + d0 * product) / denominator
    return (y, logSlope(z, denominator))
  }

  /// The inverse of the piece in closed form; the log of the piece's slope there for each element.
  func inverseAndLogSlope(_ y: Tensor) -> (x: Tensor, logSlope: Tensor) {
    let above = y - y0
    let curvature = d0 + d1 - 2 * slope
    let b = height * d0 - above * curvature
    let a = height * slope - b
    let c = slope * above
    // a z² + b z = c. The discriminant is negative only by rounding. Of the two forms of the root, the one
    // without a subtraction is used; a is positive where b is not.
    let root = sqrt(relu(square(b) + 4 * a * c))
    let isRising = b .> 0
    let sum = root + abs(b)
    let ratio = select(isRising, 2 * c, sum) / select(isRising, sum, 2 * a)
    // Above 1 only by rounding, slightly into the next bin, where the derivative is the same.
    let z = select(ratio .> 1 + 16 * y.roundOff, ratio.like(1), ratio)
    let x = x0 + z * width
    return (x, logSlope(z, slope + curvature * (z * (1 - z))))
  }
}
