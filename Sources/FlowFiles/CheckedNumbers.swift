/// Why a text or number from outside was refused.
public struct NumberError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was found.
  public let found: String
  /// What was expected instead, limits included.
  public let expected: String

  /// Both in one phrase.
  public var description: String { "found \(found), expected \(expected)" }
}

/// Numbers that come from flags, files and environment variables, checked where they enter.
public enum Checked {
  /// The whole number that a text states, such as `4096`, `1e6` or `1_000_000`, within limits.
  ///
  /// - Throws: `NumberError` with the limits.
  public static func integer(
    _ text: String, in limits: ClosedRange<Int>
  ) throws(NumberError) -> Int {
    let digits = text.filter { $0 != "_" }
    let value = Int(digits) ?? Double(digits).flatMap { Int(exactly: $0) }
    guard let value, limits.contains(value) else {
      throw NumberError(
        found: quoted(text),
        expected: "a whole number from \(limits.lowerBound) to \(limits.upperBound)")
    }
    return value
  }

  /// The seed that a text states: any whole number of 64 bits without sign.
  ///
  /// - Throws: `NumberError` with the limits.
  public static func seed(_ text: String) throws(NumberError) -> UInt64 {
    guard let value = UInt64(text) else {
      throw NumberError(
        found: quoted(text), expected: "a whole number from 0 to \(UInt64.max)")
    }
    return value
  }

  /// The finite number that a text states, within limits.
  ///
  /// - Throws: `NumberError` with the limits.
  public static func number(
    _ text: String, in limits: NumberLimits
  ) throws(NumberError) -> Double {
    guard let value = Double(text), limits.contains(value) else {
      throw NumberError(found: quoted(text), expected: limits.description)
    }
    return value
  }

  /// The 32-bit integer that a float equals.
  ///
  /// - Throws: `NumberError` with the limits.
  public static func int32(_ value: Double) throws(NumberError) -> Int32 {
    guard let result = Int32(exactly: value) else {
      throw NumberError(
        found: "\(value)", expected: "a whole number from \(Int32.min) to \(Int32.max)")
    }
    return result
  }

  /// The product of sizes; nil if it does not fit 63 bits or one of them is negative.
  public static func product(_ sizes: Int...) -> Int? {
    var total = 1
    for size in sizes {
      let (next, overflow) = total.multipliedReportingOverflow(by: size)
      guard !overflow, size >= 0 else { return nil }
      total = next
    }
    return total
  }

  private static func quoted(_ text: String) -> String {
    text.count <= 40 ? "'\(text)'" : "'\(text.prefix(40))…'"
  }
}

/// The limits of a number; NaN is never within.
public struct NumberLimits: Sendable, CustomStringConvertible {
  private let lower: Double
  private let upper: Double
  private let isOpen: Bool

  /// From one number to another, both included.
  public static func from(_ lower: Double, to upper: Double) -> NumberLimits {
    NumberLimits(lower: lower, upper: upper, isOpen: false)
  }

  /// Above one number, and at most another.
  public static func above(_ lower: Double, to upper: Double) -> NumberLimits {
    NumberLimits(lower: lower, upper: upper, isOpen: true)
  }

  /// Whether a number is within.
  public func contains(_ value: Double) -> Bool {
    (isOpen ? value > lower : value >= lower) && value <= upper
  }

  /// The limits in words.
  public var description: String {
    isOpen
      ? "a number above \(Self.text(lower)), at most \(Self.text(upper))"
      : "a number from \(Self.text(lower)) to \(Self.text(upper))"
  }

  private static func text(_ value: Double) -> String {
    Int(exactly: value).map { abs($0) <= 1_000_000 ? "\($0)" : "\(value)" } ?? "\(value)"
  }
}
