import Foundation

/// Statistics that pictures need.
public enum Summary {
  /// The number below which a share of sorted numbers lies, with linear interpolation.
  public static func quantile(_ sorted: [Double], _ share: Double) -> Double {
    guard let last = sorted.last else { return .nan }
    let place = min(max(share, 0), 1) * Double(sorted.count - 1)
    let index = Int(place)
    guard index + 1 < sorted.count else { return last }
    let part = place - Double(index)
    return sorted[index] * (1 - part) + sorted[index + 1] * part
  }

  /// The range that a picture shows of some numbers: nearly all of them, and some room.
  public static func range(
    _ values: [Double], leavingOut share: Double = 0.001
  ) -> ClosedRange<Double> {
    let sorted = values.filter(\.isFinite).sorted()
    guard !sorted.isEmpty else { return -1...1 }
    let (low, high) = (quantile(sorted, share), quantile(sorted, 1 - share))
    let room = 0.06 * (high - low)
    return Scale.widened(low - room...high + room)
  }

  /// The smallest range that holds two.
  public static func union(
    _ first: ClosedRange<Double>, _ second: ClosedRange<Double>
  ) -> ClosedRange<Double> {
    min(first.lowerBound, second.lowerBound)...max(first.upperBound, second.upperBound)
  }

  /// A number in a few characters.
  public static func short(_ value: Double) -> String { Decimal.text(value, significant: 3) }

  /// The natural logarithm of a number.
  public static func logarithm(_ value: Double) -> Double { log(value) }
  static func sine(_ value: Double) -> Double { sin(value) }
  static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
  /// e to the power of a number.
  public static func exponential(_ value: Double) -> Double { exp(value) }
}
