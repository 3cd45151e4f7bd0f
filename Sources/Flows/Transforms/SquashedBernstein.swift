/// A monotonic Bernstein polynomial of `x` squashed into (0, 1), as `BPF` of Zuko 1.1 has it: by a
/// sigmoid, or linearly from [-10, 10], outside which the density is zero.
struct SquashedBernsteinTransform: Transform {
  private static let bound = 10.0
  /// The least distance of the squashed feature from 0 and 1.
  private static let margin = 1e-6
  private let polynomial: BernsteinPolynomial
  private let isLinear: Bool

  /// Makes the transform from unconstrained coefficients, shape [*, M + 1] for a polynomial of order
  /// M, where [*] is the shape of `x`.
  init(theta: Tensor, isLinear: Bool) {
    let raw = theta.elementsAlongLast()
    polynomial = BernsteinPolynomial(
      start: raw[0] - logOf(2) * Double(raw.count) / 2,
      steps: raw.dropFirst().map { softplus($0) })
    self.isLinear = isLinear
  }

  private func domain(_ x: Tensor) -> Domain {
    let limit = isLinear ? Self.bound : Double.infinity
    return Domain(x, (x .>= -limit) .& (x .<= limit))
  }

  /// The squashed feature, and the log of its slope.
  private func squash(_ x: Tensor) -> (t: Tensor, ladj: Tensor) {
    let keep = 1 - 2 * Self.margin
    if isLinear {
      return (
        (x + Self.bound) * (keep / (2 * Self.bound)) + Self.margin,
        x.like(logOf(keep / (2 * Self.bound)))
      )
    }
    return (sigmoid(x) * keep + Self.margin, logOf(keep) + logSigmoid(x) + logSigmoid(-x))
  }

  func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let inside = domain(x)
    let (t, ladj) = squash(inside.safe(0))
    let edge = polynomial.value(select(x .> 0, x.like(1 - Self.margin), x.like(Self.margin)))
    return (
      inside.result(polynomial.value(t), edge: edge),
      inside.ladj(log(polynomial.slope(t)) + ladj)
    )
  }

  func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let ends = [Self.margin, 1 - Self.margin].map { polynomial.value(y.like($0)) }
    let domain = Domain(y, (y .>= ends[0]) .& (y .<= ends[1]))
    let target = select(domain.inside, y, 0.5 * (ends[0] + ends[1]) + y.like(0))
    let t = target.monotoneRoot(
      lower: 0, upper: 1, slope: { polynomial.slope($0) }, of: { polynomial.value($0) })
    let u = (t - Self.margin) * (1 / (1 - 2 * Self.margin))
    let x: Tensor
    if isLinear {
      x = 2 * Self.bound * u - Self.bound
    } else {
      let inner = minimum(maximum(u, y.smallest), 1 - y.roundOff)
      x = log(inner) - log1p(-inner)
    }
    let (squashed, ladj) = squash(x)
    let edge = isLinear ? select(y .> ends[1], y.like(Self.bound), y.like(-Self.bound)) : x
    return (
      domain.result(x, edge: edge), domain.ladj(-log(polynomial.slope(squashed)) - ladj)
    )
  }
}
