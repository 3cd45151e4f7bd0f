/// `f(x)`, any increasing function of each element; the inverse is found by root finding.
///
/// Zuko's bisection is limited to an interval; here the bracket grows until it contains the root.
public struct MonotonicTransform: Transform {
  let f: (Tensor) -> Tensor

  /// Makes the transform from a function that acts on each element alone.
  public init(_ f: @escaping (Tensor) -> Tensor) { self.f = f }

  /// `f(x)` and the log of its derivative, found by differentiating `f`.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let (y, slope) = x.valueAndSlope(of: f)
    return (y, y.bounding(log(slope)))
  }

  /// The root of `f(x) = y`, and the negative log of the derivative there.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let x = y.monotoneRoot(of: f)
    return (x, inverseLadj(x, x.valueAndSlope(of: f).slope))
  }
}

/// The log-determinant of an inverse at `x`. It is -inf, for a density of zero, at infinity and where `f` is
/// flat, which includes targets that `f` does not reach. A slope of NaN gives NaN.
private func inverseLadj(_ x: Tensor, _ slope: Tensor) -> Tensor {
  let isFlat = slope .<= 0
  let ladj = -log(select(isFlat, slope.like(1), slope))
  return x.bounding(select(isFlat, slope.like(-Double.infinity), ladj))
}

/// `f(x) = ∫₀ˣ g(u) du`, the integral of a positive function of each element (Wehenkel and Louppe,
/// "Unconstrained Monotonic Neural Networks", 2019, arXiv:1908.05164), by Gauss and Legendre's rule.
public struct UnconstrainedMonotonicTransform: Transform {
  let g: (Tensor) -> Tensor
  let nodes: Int

  /// Makes the transform from the integrand and the number of nodes.
  public init(nodes: Int = 32, _ g: @escaping (Tensor) -> Tensor) {
    self.g = g
    self.nodes = nodes
  }

  private func f(_ x: Tensor) -> Tensor { x.integral(from: x.like(0), nodes: nodes, of: g) }

  /// The integral from 0 to `x`; log g(x) for each element, -inf where the integral overflows.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let isInfinite = abs(x) .> x.largest
    let inner = select(isInfinite, x.like(0), x)
    let y = select(isInfinite, x, f(inner))
    return (y, y.bounding(log(g(inner))))
  }

  /// The root of `f(x) = y`, with `g` as the slope; -log g(x) for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let x = y.monotoneRoot(slope: g, of: f)
    return (x, inverseLadj(x, g(x)))
  }
}

/// The integral of a mean of squared polynomials (Jaini et al., "Sum-of-Squares Polynomial Flow",
/// 2019, arXiv:1905.02325): `f(x) = ∫₀ˣ slope + mean_i (1 + Σ_j a_ij (u / bound)^j)² du`.
public struct SOSPolynomialTransform: Transform {
  private let transform: UnconstrainedMonotonicTransform

  /// Makes the transform from the coefficients [*, K, L + 1], where [*] is the shape of `x`.
  public init(a: Tensor, slope: Double = 1e-3, bound: Double = 10) {
    precondition(a.shape.count >= 2, "the coefficients need two axes, found \(a.shape)")
    let terms = a.shape[a.shape.count - 1]
    let polynomials = a.shape[a.shape.count - 2]
    let coefficients = (0..<terms).map { j in
      let coefficient = a.slice(j, j + 1).reshaped(Array(a.shape.dropLast()))
      return j == 0 ? coefficient + 1 : coefficient
    }
    // The rule with as many nodes as coefficients is exact for this degree.
    transform = UnconstrainedMonotonicTransform(nodes: terms) { u in
      let t = (u * (1 / bound)).expandedLast()
      let p = coefficients.dropLast().reversed().reduce(coefficients[terms - 1]) { $0 * t + $1 }
      return square(p).sum(axis: -1) * (1 / Double(polynomials)) + slope
    }
  }

  /// The polynomial's integral, exact; the log of the polynomial for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) { transform.callAndLadj(x) }

  /// The root; the negative log of the polynomial for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    transform.inverseAndLadj(y)
  }
}
