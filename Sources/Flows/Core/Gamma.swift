/// log Γ(x) for x > 0: Stirling's series after eight steps of Γ(x + 1) = x Γ(x) (Abramowitz and Stegun,
/// "Handbook of Mathematical Functions", 6.1.15 and 6.1.41).
public func logGamma(_ x: Tensor) -> Tensor {
  let product = (1..<8).reduce(x) { $0 * (x + Double($1)) }
  let z = x + 8
  let r = 1 / z
  let s = square(r)
  // B_2k / (2k (2k - 1)), k = 1, 2, …
  let coefficients = [
    1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188, -691.0 / 360_360, 1.0 / 156,
  ]
  let series = coefficients.dropLast().reversed().reduce(x.like(coefficients[6])) { $0 * s + $1 }
  return (z - 0.5) * log(z) - z + 0.9189385332046727 + r * series - log(product)
}

/// The regularized incomplete gamma functions P(a, z) and Q(a, z) = 1 - P(a, z) for a > 0, z >= 0, each
/// accurate where it is small: the series below `a + 3`, a continued fraction above (Abramowitz
/// and Stegun, 6.5.29 and 6.5.31).
///
/// Accurate to rounding for a <= 20; for larger a, digits are lost near z = a.
public func incompleteGamma(_ a: Tensor, _ z: Tensor) -> (lower: Tensor, upper: Tensor) {
  incompleteGamma(a, z, logarithm: log(maximum(z, 1e-37)))
}

/// The same, given log z, for z that may be too small for its float type.
public func incompleteGamma(
  _ a: Tensor, _ z: Tensor, logarithm: Tensor
) -> (lower: Tensor, upper: Tensor) {
  let isDouble = z.type.dtype == .f64
  let isInner = z .< a + 3
  let scale = a * logarithm - z - logGamma(a)
  let inner = select(isInner, z, a + 3)
  var series = z.like(1)
  for k in (1...(isDouble ? 90 : 45)).reversed() { series = 1 + inner / (a + Double(k)) * series }
  let p = minimum(exp(scale) * series / a, 1)
  // z + 1 - a - 1 (1 - a) / (z + 3 - a - 2 (2 - a) / (z + 5 - a - …)).
  let outer = minimum(select(isInner, a + 3, z), isDouble ? 1e30 : 1e15)
  let depth = isDouble ? 60 : 24
  var fraction = outer + (Double(2 * depth + 1) - a)
  for k in (1...depth).reversed() {
    fraction = outer + (Double(2 * k - 1) - a) - Double(k) * (Double(k) - a) / fraction
  }
  let q = minimum(exp(scale) / fraction, 1)
  return (select(isInner, p, 1 - q), select(isInner, 1 - p, q))
}
