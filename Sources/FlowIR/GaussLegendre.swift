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
}

/// The nodes and weights of Gauss and Radau's quadrature on [0, 1], whose last node is 1.
public enum GaussRadau {
  /// The numbers of nodes for which nodes and weights are accurate to the last digits of a double.
  public static let supported = 1...256

  /// `(u, w)` such that the integral of `f` over [0, 1] is about the sum of `w f(u)`; exact for polynomials of
  /// degree `2 count - 2`.
  ///
  /// On [-1, 1], with a node at -1, the others are the zeros of `P_(count-1) + P_count`, found by Newton's method
  /// (Abramowitz and Stegun, "Handbook of Mathematical Functions", 25.4.31); on [0, 1] they are turned round.
  public static func rule(_ count: Int) -> (nodes: [Double], weights: [Double]) {
    precondition(supported.contains(count), "no rule with \(count) nodes")
    let squaredCount = Double(count * count)
    var nodes: [Double] = []
    var weights: [Double] = []
    for index in 0..<count - 1 {
      var z = RealMath.cos(Double.pi * (Double(index) + 0.75) / Double(count))
      for _ in 0..<10 {
        let (before, last) = (legendre(count - 1, z), legendre(count, z))
        let step = (before.value + last.value) / (before.slope + last.slope)
        z -= step
        if abs(step) < 1e-16 { break }
      }
      let before = legendre(count - 1, z).value
      nodes.append((1 - z) / 2)
      // On [-1, 1] the weight is (1 - z) / (count² P²), with P of degree count - 1; [0, 1] is half as long.
      weights.append((1 - z) / (2 * squaredCount * before * before))
    }
    return (nodes + [1], weights + [1 / squaredCount])
  }
}

/// Legendre's polynomial of a degree and its slope inside of (-1, 1), by the three-term recurrence.
private func legendre(_ degree: Int, _ z: Double) -> (value: Double, slope: Double) {
  var (before, value) = (0.0, 1.0)
  for k in stride(from: 1, through: degree, by: 1) {
    let next = (Double(2 * k - 1) * z * value - Double(k - 1) * before) / Double(k)
    (before, value) = (value, next)
  }
  return (value, Double(degree) * (z * value - before) / (z * z - 1))
}
