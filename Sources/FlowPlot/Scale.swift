/// A linear map from numbers of the data to pixels.
public struct Scale: Sendable {
  /// The numbers that are shown.
  public let domain: ClosedRange<Double>
  let pixels: (first: Double, last: Double)

  init(_ domain: ClosedRange<Double>, pixels first: Double, _ last: Double) {
    self.domain = Self.widened(domain)
    pixels = (first, last)
  }

  /// The pixel of a number.
  func callAsFunction(_ value: Double) -> Double {
    let part = (value - domain.lowerBound) / (domain.upperBound - domain.lowerBound)
    return pixels.first + part * (pixels.last - pixels.first)
  }

  /// A range of some extent, since nothing can be drawn in one without.
  static func widened(_ range: ClosedRange<Double>) -> ClosedRange<Double> {
    let (low, high) = (range.lowerBound, range.upperBound)
    guard low.isFinite, high.isFinite, abs(low) < 1e300, abs(high) < 1e300 else { return -1...1 }
    let least = max(abs(low), abs(high)) * 1e-9
    guard high - low <= least else { return range }
    let extra = max(least, low == 0 ? 1 : abs(low) * 1e-3)
    return low - extra...high + extra
  }

  /// Round numbers within the range, about `count` of them, with their labels.
  func ticks(_ count: Int) -> [(value: Double, label: String)] {
    let extent = domain.upperBound - domain.lowerBound
    let rough = extent / Double(max(count, 1))
    let power = Decimal.exponent(rough)
    let unit = Decimal.scale(power)
    // The step whose number of intervals comes nearest to what was asked for.
    let steps = [1.0, 2, 5, 10].map { $0 * unit }
    let step =
      steps.min { abs(extent / $0 - Double(count)) < abs(extent / $1 - Double(count)) } ?? 1
    guard step > 0, step.isFinite else { return [] }
    let first = (domain.lowerBound / step - 1e-9).rounded(.up)
    let last = (domain.upperBound / step + 1e-9).rounded(.down)
    guard first.isFinite, last.isFinite, last >= first, last - first < 100 else { return [] }
    let values = (0...Int(last - first)).map { (first + Double($0)) * step }
    let largest = values.reduce(0) { max($0, abs($1)) }
    if largest >= 1e6 || largest < 1e-3 {
      let digits = max(1, Decimal.exponent(max(largest, step)) - Decimal.exponent(step) + 1)
      return values.map { ($0, Decimal.text($0, significant: min(digits, 12))) }
    }
    let places = max(0, -Decimal.exponent(step * 1.000_001))
    return values.map { ($0, Decimal.text($0, places: places)) }
  }
}
