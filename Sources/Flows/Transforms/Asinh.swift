/// `f(x) = asinh(x)`, which is x near 0 and a logarithm far out: tails that fall as a power become
/// exponential. Its inverse, sinh, makes tails heavy.
///
/// Finite for every finite number, and with all digits near 0 and far out.
public struct AsinhTransform: Transform {
  /// Makes the transform.
  public init() {}

  /// The function; the log of its slope for each element, `-log(1 + x²) / 2`.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let isLarge = abs(x) .> 1
    let size = abs(select(isLarge, x, x.like(1)))
    let (logSize, root) = (log(size), sqrt(1 + square(1 / size)))
    let small = select(isLarge, x.like(0), x)
    let squared = square(small)
    let inner = log1p(abs(small) + squared / (1 + sqrt(1 + squared)))
    return (
      sign(x) * select(isLarge, logSize + log(1 + root), inner),
      select(isLarge, -logSize - log(root), -0.5 * log1p(squared))
    )
  }

  /// `sinh(y)`; the log of its slope for each element, `log(cosh(y))`, or -inf where the number overflows.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let size = abs(y)
    let isLarge = size .> 1
    // e^|y| (1 - e^(-2 |y|)) / 2 far out, where the difference loses nothing; e^(|y| / 2) does not overflow.
    let outer = select(isLarge, size, size.like(1))
    let root = exp(0.5 * outer)
    let large = 0.5 * root * root * (1 - exp(-2 * outer))
    let e = expm1(select(isLarge, size.like(0), size))
    let x = sign(y) * select(isLarge, large, 0.5 * (e + e / (1 + e)))
    return (x, x.bounding(size + log1p(exp(-2 * size)) - logOf(2)))
  }
}
