/// Numbers as people read them, the same on every machine and in every locale.
enum Decimal {
  /// A number with so many digits after the point; `trimmed` leaves out zeros at the end.
  static func text(_ value: Double, places: Int, trimmed: Bool = false) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    var factor = 1.0
    for _ in 0..<places { factor *= 10 }
    let scaled = (abs(value) * factor).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let digits = String(Int64(scaled))
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    var fraction = padded.suffix(places)
    if trimmed { while fraction.last == "0" { fraction.removeLast() } }
    let sign = value < 0 && scaled > 0 ? "-" : ""
    let whole = padded.dropLast(places)
    return fraction.isEmpty ? "\(sign)\(whole)" : "\(sign)\(whole).\(fraction)"
  }

  /// A number with so many digits that differ from 0, such as 0.0125 or 1.5e-7.
  static func text(_ value: Double, significant: Int) -> String {
    guard value.isFinite, value != 0 else { return text(value, places: 0) }
    let power = exponent(value)
    guard power >= -4, power < 6 else {
      let mantissa = value / scale(power)
      return "\(text(mantissa, places: significant - 1, trimmed: true))e\(power)"
    }
    return text(value, places: max(0, significant - 1 - power), trimmed: true)
  }

  /// The power of ten of a number's first digit.
  static func exponent(_ value: Double) -> Int {
    var power = 0
    var rest = abs(value)
    guard rest > 0, rest.isFinite else { return 0 }
    while rest >= 10 { (rest, power) = (rest / 10, power + 1) }
    while rest < 1 { (rest, power) = (rest * 10, power - 1) }
    return power
  }

  /// A power of ten.
  static func scale(_ power: Int) -> Double {
    var result = 1.0
    for _ in 0..<abs(power) { result *= 10 }
    return power < 0 ? 1 / result : result
  }
}
