/// A polynomial in Bernstein's form on [0, 1]: `p(t) = Σ_i b_i,M(t) θ_i` with the basis
/// `b_i,M(t) = C(M, i) t^i (1 - t)^(M - i)`, with θ_0 and the steps from each coefficient to the next.
/// Steps that are positive make it increase.
///
/// Both the value and the slope are sums over the basis of order M - 1, which is computed once for both:
/// `p'(t) = M Σ_i b_i,M-1(t) (θ_{i+1} - θ_i)`, and `p(t) = Σ_i b_i,M-1(t) θ_i + t p'(t) / M`, by de
/// Casteljau's step `b_i,M = (1 - t) b_i,M-1 + t b_{i-1},M-1`.
struct BernsteinPolynomial: BernsteinForm {
  /// θ_0 … θ_{M-1}, each with the shape of `t`.
  private let coefficients: [Tensor]
  /// θ_{i+1} - θ_i.
  private let steps: [Tensor]

  init(start: Tensor, steps: [Tensor]) {
    self.steps = steps
    coefficients = steps.dropLast().reduce(into: [start]) { $0.append($0[$0.count - 1] + $1) }
  }

  var order: Int { steps.count }

  func value(_ t: Tensor) -> Tensor {
    let basis = basis(t)
    return Self.sum(coefficients, basis) + t * Self.sum(steps, basis)
  }

  /// dp/dt, a sum of positive terms if the steps are positive.
  func slope(_ t: Tensor) -> Tensor { Double(order) * Self.sum(steps, basis(t)) }
}

/// What has a Bernstein polynomial's value and slope.
protocol BernsteinForm {
  /// The polynomial's order, M.
  var order: Int { get }
  func value(_ t: Tensor) -> Tensor
  func slope(_ t: Tensor) -> Tensor
}

extension BernsteinForm {
  /// The basis of order M - 1.
  func basis(_ t: Tensor) -> [Tensor] {
    let last = order - 1
    func powers(_ x: Tensor) -> [Tensor?] {
      var list: [Tensor?] = [nil, x]
      // From halves, so that the last does not wait for all others.
      while list.count <= last {
        guard let a = list[list.count / 2], let b = list[(list.count + 1) / 2] else { break }
        list.append(a * b)
      }
      return list
    }
    let (low, high) = (powers(t), powers(1 - t))
    var binomial = 1.0
    return (0...last).map { i in
      defer { binomial = binomial * Double(last - i) / Double(i + 1) }
      let factors = [low[i], high[last - i]].compactMap { $0 }
      guard let first = factors.first else { return t.like(1) }
      let term = binomial == 1 ? first : first * binomial
      return factors.dropFirst().reduce(term) { $0 * $1 }
    }
  }

  /// The sum of products, every other one by itself, so that one does not wait for the next.
  static func sum(_ a: [Tensor], _ b: [Tensor]) -> Tensor {
    var sums: [Tensor] = []
    for (index, (x, y)) in zip(a, b).enumerated() {
      if index < 2 { sums.append(x * y) } else { sums[index % 2] = sums[index % 2] + x * y }
    }
    return sums.dropFirst().reduce(sums[0]) { $0 + $1 }
  }
}

/// A Bernstein polynomial from -B to B whose two first and two last steps are of the size `end`, the others
/// in the ratio of weights.
///
/// Its coefficients are summed up from the middle to both sides, and the scale that all weights share
/// multiplies the sums over the basis: half as many coefficients wait for each other, and none for the scale.
private struct BoundedBernsteinPolynomial: BernsteinForm {
  private let bound: Double
  private let end: Double
  private let scale: Tensor
  private let weights: [Tensor]
  /// θ_2 … θ_{M-2}, divided by the scale.
  private let inner: [Tensor]

  init(weights: [Tensor], end: Double, bound: Double) {
    (self.weights, self.end, self.bound) = (weights, end, bound)
    let half = weights.count / 2
    let high = weights[half...].pairwise { $0 + $1 }
    let low = half == 0 ? nil : weights[..<half].pairwise { $0 + $1 }
    scale = (2 * bound - 4 * end) / (low.map { $0 + high } ?? high)
    let middle = 0.5 * (low.map { $0 - high } ?? -high)
    let above = weights[half...].reduce(into: [middle]) { $0.append($0[$0.count - 1] + $1) }
    let below = weights[..<half].reversed().reduce(into: [middle]) {
      $0.append($0[$0.count - 1] - $1)
    }
    inner = below.reversed() + above.dropFirst()
  }

  var order: Int { weights.count + 4 }

  func value(_ t: Tensor) -> Tensor {
    let basis = basis(t)
    let ends = (end - bound) * basis[1] - bound * basis[0] + (bound - end) * basis[order - 1]
    return scale * Self.sum(inner, Array(basis[2..<order - 1])) + (ends + t * share(basis))
  }

  func slope(_ t: Tensor) -> Tensor { Double(order) * share(basis(t)) }

  /// p'(t) / M.
  private func share(_ basis: [Tensor]) -> Tensor {
    let ends = (basis[0] + basis[1]) + (basis[order - 2] + basis[order - 1])
    return scale * Self.sum(weights, Array(basis[2..<order - 2])) + end * ends
  }
}

/// A map that is an increasing Bernstein polynomial on [-bound, bound] and a line on either side.
///
/// As in Zuko the lines begin inside the bound, by 1e-6 of the interval.
private struct BernsteinMap {
  static let margin = 1e-6
  let polynomial: any BernsteinForm
  let bound: Double
  /// Values and slopes (by the share of the domain) at the two ends.
  let ends: [(value: Tensor, slope: Tensor)]

  private func parts(_ x: Tensor) -> (t: Tensor, below: Tensor, above: Tensor, inner: Tensor) {
    let t = (x + bound) / (2 * bound)
    let below = t .<= Self.margin
    let above = t .>= 1 - Self.margin
    return (t, below, above, select(below .| above, t.like(0.5), t))
  }

  func value(_ x: Tensor) -> Tensor {
    let (t, below, above, inner) = parts(x)
    let low = ends[0].slope * (t - Self.margin) + ends[0].value
    let high = ends[1].slope * (t - 1 + Self.margin) + ends[1].value
    return select(below, low, select(above, high, polynomial.value(inner)))
  }

  func slope(_ x: Tensor) -> Tensor {
    let (_, below, above, inner) = parts(x)
    let slope = select(
      below, ends[0].slope, select(above, ends[1].slope, polynomial.slope(inner)))
    return slope / (2 * bound)
  }

  func inverse(_ y: Tensor) -> Tensor {
    let below = y .<= ends[0].value
    let above = y .>= ends[1].value
    let low = (y - ends[0].value) / ends[0].slope + Self.margin
    let high = (y - ends[1].value) / ends[1].slope - Self.margin + 1
    // The search runs on the polynomial alone, for a target that it reaches.
    let target = select(
      below .| above, 0.5 * (ends[0].value + ends[1].value) + y.like(0), y)
    let root = target.monotoneRoot(
      lower: 0, upper: 1, slope: { polynomial.slope($0) }, of: { polynomial.value($0) })
    let t = select(below, low, select(above, high, root))
    return 2 * bound * t - bound
  }
}

/// A monotonic Bernstein polynomial on [-B, B], a line beyond (Sick et al., "Deep transformation
/// models", 2020, arXiv:2004.00464).
public struct BernsteinTransform: Transform {
  private let map: BernsteinMap

  /// Makes the transform from unconstrained coefficients, shape [*, M - 1] for a polynomial of order
  /// M, where [*] is the shape of `x`.
  public init(theta: Tensor, bound: Double = 5) {
    let raw = theta.elementsAlongLast()
    precondition(raw.count >= 2, "a Bernstein polynomial needs two coefficients or more")
    // A step that rounds to 0 would make the polynomial flat somewhere.
    let inner = raw.dropFirst().map { maximum(softplus($0), 1e-30) }
    // The first and last steps are repeated, so that the second derivative is zero at the ends.
    let steps = [inner[0]] + inner + [inner[inner.count - 1]]
    let polynomial = BernsteinPolynomial(
      start: raw[0] - logOf(2) * Double(raw.count) / 2, steps: steps)
    let ends = [BernsteinMap.margin, 1 - BernsteinMap.margin].map { place in
      let t = raw[0].like(place)
      return (polynomial.value(t), polynomial.slope(t))
    }
    map = BernsteinMap(polynomial: polynomial, bound: bound, ends: ends)
  }

  /// The polynomial inside its bound, lines outside; the log of the slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (map.value(x), log(map.slope(x)))
  }

  /// The root; the negative log of the slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let x = map.inverse(y)
    return (x, -log(map.slope(x)))
  }
}

/// A monotonic Bernstein polynomial from [-B, B] to itself whose slope at both ends is one; the
/// identity beyond, shifted by 2e-6 B as in Zuko (Arpogaus et al., arXiv:2204.13939).
public struct BoundedBernsteinTransform: Transform {
  private let map: BernsteinMap

  /// Makes the transform from unconstrained steps, shape [*, M - 4] for a polynomial of order M,
  /// where [*] is the shape of `x`.
  public init(theta: Tensor, bound: Double = 5) {
    let raw = theta.elementsAlongLast()
    precondition(!raw.isEmpty, "a Bernstein polynomial needs a coefficient or more")
    let atEnd = 2 * bound / Double(raw.count + 4)
    // Without the care that `maximum` takes of NaN, which the exponentials pass on.
    let largest = raw.pairwise { select($0 .> $1, $0, $1) }
    let polynomial = BoundedBernsteinPolynomial(
      weights: raw.map { exp($0 - largest) }, end: atEnd, bound: bound)
    let slope = raw[0].like(2 * bound)
    map = BernsteinMap(
      polynomial: polynomial, bound: bound,
      ends: [(raw[0].like(-bound), slope), (raw[0].like(bound), slope)])
  }

  /// The polynomial inside its bound, the identity outside; the log of the slope for each element.
  public func callAndLadj(_ x: Tensor) -> (y: Tensor, ladj: Tensor) {
    (map.value(x), log(map.slope(x)))
  }

  /// The root; the negative log of the slope for each element.
  public func inverseAndLadj(_ y: Tensor) -> (x: Tensor, ladj: Tensor) {
    let x = map.inverse(y)
    return (x, -log(map.slope(x)))
  }
}

extension Tensor {
  /// The elements along the last axis, each a tensor without that axis.
  func elementsAlongLast() -> [Tensor] {
    let rest = Array(shape.dropLast())
    return (0..<(shape.last ?? 0)).map { slice($0, $0 + 1).reshaped(rest) }
  }
}

extension Collection where Element == Tensor {
  /// All elements combined two by two, the results again, until one is left: fewer wait for each other than
  /// in order.
  fileprivate func pairwise(_ combine: (Tensor, Tensor) -> Tensor) -> Tensor {
    var level = Array(self)
    while level.count > 1 {
      level = stride(from: 0, to: level.count, by: 2).map { i in
        i + 1 < level.count ? combine(level[i], level[i + 1]) : level[i]
      }
    }
    return level[0]
  }
}
