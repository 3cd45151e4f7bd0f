import FlowIR

/// Heavy tails of two weights, made light: the inverse of the tail transform of Hickling and Prangle ("Flexible Tails
/// for Normalizing Flows", 2024, arXiv:2406.16971), which stands between data and the rest of a flow over a normal
/// base.
///
/// Data whose density falls as `|x|^(-1 - 1/λ)` above or below 0 become as light as a normal distribution, with a λ
/// for each side: f(x) has the sign of x and `P(|Z| > |f(x)|) = (1 + λ |x|)^(-1/λ)` for a standard normal Z, the tail
/// of a generalized Pareto distribution of shape λ. The inverse is
/// `±(erfc(|z| / √2)^(-λ) - 1) / λ`.
///
/// It is finite for every finite number, with all digits near 0 and far out; the slope is continuous at 0.
public struct TailTransform: Transform {
  private let positive: Tensor
  private let negative: Tensor

  /// Makes the transform from the weights λ > 0 of the upper and the lower tail, one for each element or one for all.
  public init(positive: Tensor, negative: Tensor) {
    self.positive = positive
    self.negative = negative
  }

  private func weight(_ isNegative: Tensor) -> Tensor {
    select(
      isNegative, negative.broadcast(to: isNegative.shape),
      positive.broadcast(to: isNegative.shape))
  }

  /// The light-tailed number; the log of the slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let isNegative = x .< 0
    let (size, weight) = (select(isNegative, -x, x), weight(isNegative))
    // log(1 + λ |x|), where λ |x| may overflow.
    let isLarge = size .> 1
    let (large, small) = (select(isLarge, size, x.like(1)), select(isLarge, x.like(0), size))
    let growth = select(isLarge, log(large) + log(weight + 1 / large), log1p(weight * small))
    let exponent = growth / weight
    let t = exponent.monotoneRoot(
      lower: 0, slope: { NormalTail($0).slope }, of: { NormalTail($0).exponent })
    let slope = NormalTail(t).logScaled(exponent) + 0.5 * logOf(.pi / 2) - growth
    let light = t * (2.0).squareRoot()
    return (select(isNegative, -light, light), slope)
  }

  /// The heavy-tailed number; the log of the slope for each element, or -inf where the number overflows.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let isNegative = y .< 0
    let weight = weight(isNegative)
    let tail = NormalTail(select(isNegative, -y, y) * (0.5).squareRoot())
    let exponent = tail.exponent
    let growth = weight * exponent
    let size = expm1(growth) / weight
    let x = select(isNegative, -size, size)
    let slope = growth - 0.5 * logOf(.pi / 2) - tail.logScaled(exponent)
    return (x, x.bounding(slope))
  }
}

/// The complementary error function of t >= 0, by its logarithm.
private struct NormalTail {
  private let t: Tensor
  private let isSmall: Tensor
  private let isLarge: Tensor
  /// t where neither is so, else 1.
  private let middle: Tensor
  /// t where it is large, else 8.
  private let large: Tensor

  init(_ t: Tensor) {
    self.t = t
    isSmall = (t .< 0.5)
    isLarge = (t .> 8)
    middle = select(isSmall .| isLarge, t.like(1), t)
    large = select(isLarge, t, t.like(8))
  }

  /// `√π t e^(t²) erfc(t)` for large t: the asymptotic series, whose terms at 8 fall to 1e-16.
  private var series: Tensor {
    let step = 0.5 / square(large)
    return (1...15).reversed().reduce(large.like(1)) { sum, n in
      1 - Double(2 * n - 1) * step * sum
    }
  }

  /// `-log erfc(t)`.
  var exponent: Tensor {
    let small = -log1p(-erf(select(isSmall, t, t.like(0))))
    let far = square(large) + log(large) + 0.5 * logOf(.pi) - log(series)
    return select(isLarge, far, select(isSmall, small, -log(erfc(middle))))
  }

  /// The derivative of `exponent`.
  var slope: Tensor {
    let near = select(isLarge, t.like(1), t)
    let steep = exp(-square(near)) / erfc(near) * (2 / Double.pi.squareRoot())
    return select(isLarge, 2 * large / series, steep)
  }

  /// `log(e^(t²) erfc(t))`, given `-log erfc(t)`.
  func logScaled(_ exponent: Tensor) -> Tensor {
    let far = log(series) - log(large) - 0.5 * logOf(.pi)
    let near = select(isLarge, t.like(0), t)
    return select(isLarge, far, square(near) - select(isLarge, t.like(0), exponent))
  }
}
