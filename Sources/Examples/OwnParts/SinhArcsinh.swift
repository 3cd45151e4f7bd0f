import Flows

/// A transform of one's own: `f(x) = sinh(δ asinh(x) + ε)`, element by element (Jones and Pewsey,
/// "Sinh-arcsinh distributions", Biometrika 96, 2009). ε skews, δ > 0 makes tails lighter or heavier.
///
/// A transform is a type with two methods: each gives a value and the log of the absolute derivative,
/// here one for each element.
struct SinhArcsinhTransform: Transform {
  let skew: Tensor
  /// log δ.
  let logTail: Tensor

  func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    let angle = exp(logTail) * asinh(x) + skew
    return (sinh(angle), logTail + logCosh(angle) - logCosh(asinh(x)))
  }

  func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let angle = exp(-logTail) * (asinh(y) - skew)
    return (sinh(angle), logCosh(angle) - logTail - logCosh(asinh(y)))
  }

  /// asinh(x), odd, with all digits near 0: log(|x| + √(x² + 1)).
  private func asinh(_ x: Tensor) -> Tensor {
    let size = abs(x)
    let root = sqrt(square(x) + 1)
    return sign(x) * log1p(size + square(x) / (1 + root))
  }

  private func sinh(_ x: Tensor) -> Tensor {
    let size = abs(x)
    return 0.5 * sign(x) * (expm1(size) - expm1(-size))
  }

  /// log cosh(x), without overflow.
  private func logCosh(_ x: Tensor) -> Tensor {
    let size = abs(x)
    return size + log1p(exp(-2 * size)) - 0.6931471805599453  // log 2
  }
}

extension Univariate {
  /// What the library's lazy transforms need to know of it: two numbers for each feature, and how a
  /// transform is made of them. Networks give any number; ε is clipped softly to [-3, 3] and log δ to
  /// [-½, ½], so that no row overflows.
  static var sinhArcsinh: Univariate {
    Univariate(shapes: [[], []]) { phi in
      SinhArcsinhTransform(
        skew: phi[0] / (1 + abs(phi[0]) / 3), logTail: phi[1] / (1 + 2 * abs(phi[1])))
    }
  }
}
