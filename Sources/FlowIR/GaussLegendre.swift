/// The nodes and weights of Gauss and Legendre's quadrature on [0, 1].
public enum GaussLegendre {
  /// The numbers of nodes for which nodes and weights are accurate to the last digits of a double.
  public static let supported = 1...256

  /// `(u, w)` such that the integral of `f` over [0, 1] is about the sum of `w f(u)`; exact for
  /// polynomials of degree `2 count - 1`.
  ///
  /// The nodes are the zeros of Legendre's polynomial, found by Newton's method from Tricomi's
  /// first approximation (Press et al., "Numerical Recipes", section 4.6).
  public static func rule(_ count: Int) -> (nodes: [Double], weights: [Double]) {
    precondition(supported.contains(count), "no rule with \(count) nodes")
    var nodes = [Double](repeating: 0.5, count: count)
    var weights = [Double](repeating: 1, count: count)
    for index in 0..<(count + 1) / 2 {
      var z = RealMath.cos(Double.pi * (Double(index) + 0.75) / (Double(count) + 0.5))
      if 2 * index + 1 == count { z = 0 }
      var slope = 1.0
      for _ in 0..<10 {
        let value: Double
        (value, slope) = legendre(count, z)
        z -= value / slope
        if abs(value / slope) < 1e-16 { break }
      }
      (_, slope) = legendre(count, z)
      // On [-1, 1] the weight is 2 / ((1 - z^2) P'(z)^2); [0, 1] is half as long.
      let weight = 1 / ((1 - z * z) * slope * slope)
      (nodes[index], nodes[count - 1 - index]) = ((1 - z) / 2, (1 + z) / 2)
      (weights[index], weights[count - 1 - index]) = (weight, weight)
    }
    return (nodes, weights)
  }

  /// Legendre's polynomial of a degree and its slope, by the three-term recurrence.
  private static func legendre(_ degree: Int, _ z: Double) -> (value: Double, slope: Double) {
    var (before, value) = (0.0, 1.0)
    for k in 1...degree {
      let next = (Double(2 * k - 1) * z * value - Double(k - 1) * before) / Double(k)
      (before, value) = (value, next)
    }
    return (value, Double(degree) * (z * value - before) / (z * z - 1))
  }
}
