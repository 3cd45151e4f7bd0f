import FlowIR
import Flows
import Foundation

extension GridCase {
  /// Transforms with a closed form.
  static let elementary: [GridCase] = [
    GridCase(name: "Identity", make: { _ in IdentityTransform() }),
    GridCase(
      name: "Additive", parameters: [[0], [1.5], [-1e3]], scale: { abs($0[0]) },
      make: { AdditiveTransform(shift: $0) }),
    GridCase(
      name: "Affine", parameters: [[0, 1], [1.5, 2], [1e3, 1e-20], [-3, 1e20]],
      scale: { abs($0[0]) * max(1, 1 / $0[1]) },
      make: { AffineTransform(loc: $0.slice(0, 1), scale: $0.slice(1, 2)) }),
    GridCase(
      name: "MonotonicAffine",
      parameters: [
        [0, 0], [1.5, 50], [1.5, -50], [-3, 1e3], [-3, -1e3], [0, 1e30], [0, -3e38],
      ],
      scale: { abs($0[0]) * ($0[1] < 0 ? 1e3 : 1) },
      make: { MonotonicAffineTransform(shift: $0.slice(0, 1), scale: $0.slice(1, 2)) }),
    GridCase(
      name: "Softclip", places: [3], range: -3...3, isSingular: { abs($0) == 3 },
      make: { _ in SoftclipTransform(bound: 3) }),
    GridCase(
      name: "SignedPower",
      parameters: [[0], [0.7], [-0.7], [3], [-3], [50], [-50], [1e3], [-1e3]], places: [1],
      roundings: 400, isSingular: { abs($0) < 1e-3 || abs($0) > 1e3 },
      make: { SignedPowerTransform(alpha: $0) }),
    GridCase(
      name: "Sin", places: [1, .pi / 2], domain: -Double.pi / 2 ... .pi / 2, range: -1...1,
      isSingular: { abs($0) == 1 || abs($0) > 1.5707 },
      make: { _ in SinTransform() }),
    GridCase(
      name: "Cos", places: [1, .pi], domain: 0 ... .pi, range: -1...1,
      scale: { _ in 1 }, isSingular: { abs($0) < 1e-6 || abs($0) == 1 || $0 > 3.1415 },
      make: { _ in CosTransform() }),
    GridCase(
      name: "Exp", places: [88.5, 103.9], range: 0 ... .infinity, isSingular: { abs($0) < 1e-30 },
      make: { _ in ExpTransform() }),
    GridCase(
      name: "Sigmoid", places: [0.5, 1], range: 0...1, steepness: { _ in 1 },
      isSingular: { abs($0) < 1e-30 || $0 == 1 }, make: { _ in SigmoidTransform() }),
    GridCase(
      name: "Tanh", places: [1], range: -1...1, steepness: { _ in 1 },
      isSingular: { abs($0) == 1 }, make: { _ in TanhTransform() }),
    GridCase(
      name: "Softplus", places: [0.7, 20], range: 0 ... .infinity,
      isSingular: { abs($0) < 1e-30 }, make: { _ in SoftplusTransform() }),
    power(2), power(0.5), power(1), power(-1.5),
  ]

  private static func power(_ exponent: Double) -> GridCase {
    GridCase(
      name: "Power \(exponent)", parameters: [[exponent]], places: [1], domain: 0 ... .infinity,
      range: 0 ... .infinity, isDecreasing: exponent < 0, roundings: 400,
      isSingular: { abs($0) < 1e-20 || abs($0) > 1e20 },
      make: { PowerTransform(exponent: $0) })
  }

  /// Logits that are ordinary, large, and as far apart as can be.
  private static func logits(_ count: Int) -> [[Double]] {
    let waves: [Double] = (0..<count).map { Foundation.sin(2.7 * Double($0) + 0.4) }
    let spike: [Double] = (0..<count).map { $0 % 3 == 0 ? 1 : -1 }
    var sets = [Array(repeating: 0.0, count: count), waves]
    for size in [50, 1e3, 1e30] {
      for direction in [waves, spike, spike.map { -$0 }] {
        sets.append(direction.map { size * $0 })
      }
    }
    return sets
  }

  /// Splines and polynomials on an interval.
  static let bounded: [GridCase] = [
    spline(bins: 4, slope: 1e-3), spline(bins: 8, slope: 1e-6),
    GridCase(
      name: "CircularShift", places: [.pi], domain: -Double.pi ... .pi,
      range: -Double.pi ... .pi, scale: { _ in 4 }, period: 2 * .pi,
      make: { _ in CircularShiftTransform(bound: .pi) }),
    GridCase(
      name: "CircularRQS", parameters: logits(11), places: [.pi], domain: -Double.pi ... .pi,
      range: -Double.pi ... .pi, scale: { _ in 4 }, steepness: { isTame($0) ? 10 : 1e4 },
      period: 2 * .pi, roundings: 64, wildness: 64,
      make: {
        CircularRQSTransform(
          widths: cut($0, 0, 4), heights: cut($0, 4, 8), derivatives: cut($0, 8, 11))
      }),
    GridCase(
      name: "Bernstein", parameters: logits(6).filter { $0[0].magnitude < 1e10 }, places: [5],
      scale: { 5 + $0.map(abs).reduce(0, +) }, steepness: { $0.map(abs).reduce(0, +) },
      roundings: 64,
      make: { BernsteinTransform(theta: cut($0, 0, 6)) }),
    GridCase(
      name: "BoundedBernstein", parameters: logits(6), places: [5], scale: { _ in 5 },
      jump: 1.1e-5, roundings: 64,
      make: { BoundedBernsteinTransform(theta: cut($0, 0, 6)) }),
  ]

  private static func spline(bins: Int, slope: Double) -> GridCase {
    GridCase(
      name: "MonotonicRQS of slope \(slope)", parameters: logits(3 * bins - 1), places: [5],
      scale: { _ in 5 }, steepness: { isTame($0) ? 10 : 10 / slope }, tails: 5,
      roundings: 64, wildness: slope < 1e-3 ? 1e5 : 64,
      make: {
        MonotonicRQSTransform(
          widths: cut($0, 0, bins), heights: cut($0, bins, 2 * bins),
          derivatives: cut($0, 2 * bins, 3 * bins - 1), slope: slope)
      })
  }

  /// Transforms whose inverse, or value, is searched.
  static let searched: [GridCase] = [
    GridCase(
      name: "Monotonic", parameters: [[0], [2], [50]],
      make: { p in MonotonicTransform { $0 + p * tanh($0) } }),
    GridCase(
      name: "UnconstrainedMonotonic", parameters: [[0], [3], [-3]],
      make: { p in UnconstrainedMonotonicTransform { exp(tanh($0) + p) } }),
    GridCase(
      name: "SOSPolynomial",
      parameters: [
        [0, 0, 0, 0, 0, 0], [0.3, -1.2, 0.7, -0.4, 0.9, 0.2], [-1, 0, 0, -1, 0, 0],
        [50, -50, 50, -50, 50, -50], [1e3, 1e3, -1e3, 1e3, -1e3, -1e3],
      ], scale: { $0.map(abs).max() ?? 0 < 2 ? 1 : 10 }, roundings: 64,
      make: { SOSPolynomialTransform(a: $0.reshaped([1, 2, 3])) }),
    GridCase(
      name: "Gaussianization",
      parameters: [
        [0, 0, 0, 0, 0, 0], [0.3, -1.2, 0.7, -0.4, 0.9, 0.2], [50, -50, 0, 0, 0, 0],
        [0, 0, 0, 50, -50, 0], [1e3, -1e3, 0, 0, 0, 0], [0, 0, 0, 1e3, -1e3, 1],
      ], places: [4.8916], range: -4.8917...4.8917, scale: { $0.map(abs).max() ?? 0 },
      saturates: true, roundings: 64,
      make: { GaussianizationTransform(shift: cut($0, 0, 3), scale: cut($0, 3, 6)) }),
  ]

  /// Whether parameters are ordinary numbers.
  static func isTame(_ p: [Double]) -> Bool { p.allSatisfy { abs($0) <= 5 } }

  /// Elements of a vector, as the parameters of one feature.
  private static func cut(_ p: Tensor, _ start: Int, _ end: Int) -> Tensor {
    p.slice(start, end).reshaped([1, end - start])
  }
}
