import FlowFiles

/// One pass over the arguments of a class, in order: reads each from a description if there is one,
/// checks it, and writes it down as JSON.
///
/// An argument's key, type and range are stated once, in the `visit` of its owner, for decoding, for encoding
/// and for flows that are made in Swift.
struct ArgumentVisitor {
  /// The release of Zuko whose arguments are visited.
  let release: ZukoRelease
  /// The object that values are read from; nil keeps the values unchanged.
  private let reader: DescriptionReader?
  private let place: String
  /// The keys that were visited.
  private(set) var keys: [String] = []
  /// The arguments as JSON, in order; those that are nil, and flags at their default, are left out.
  private(set) var members: [JSONValue.Member] = []

  init(_ reader: DescriptionReader?, place: String = "", release: ZukoRelease) {
    self.reader = reader
    self.place = place
    self.release = release
  }

  func path(_ key: String) -> String { DescriptionReader.join(place, key) }

  private func invalid(_ key: String, _ found: String, _ expected: String) -> FlowError {
    .invalid(place: path(key), found: reader?[key]?.text ?? found, expected: expected)
  }

  /// The value of a key; null means the default.
  private mutating func given(_ key: String) -> JSONValue? {
    keys.append(key)
    let value = reader?[key]
    return value == .null ? nil : value
  }

  private mutating func note(_ key: String, _ value: JSONValue) {
    if value != .null { members.append(.init(key, value)) }
  }

  /// An integer that must be given.
  mutating func required(
    _ key: String, _ value: inout Int?, in range: ClosedRange<Int>
  ) throws(FlowError) {
    try optional(key, &value, in: range)
    guard value == nil else { return }
    throw invalid(key, "nothing", "an integer of \(range.lowerBound) to \(range.upperBound)")
  }

  /// An integer.
  mutating func integer(
    _ key: String, _ value: inout Int, in range: ClosedRange<Int>
  ) throws(FlowError) {
    keys.append(key)
    let expected = "an integer of \(range.lowerBound) to \(range.upperBound)"
    if let found = reader?[key] {
      guard case .integer(let number) = found else { throw invalid(key, "", expected) }
      value = number
    }
    guard range.contains(value) else { throw invalid(key, "\(value)", expected) }
    note(key, .integer(value))
  }

  /// An integer that may be left out.
  mutating func optional(
    _ key: String, _ value: inout Int?, in range: ClosedRange<Int>
  ) throws(FlowError) {
    let expected = "an integer of \(range.lowerBound) to \(range.upperBound)"
    if let found = given(key) {
      guard case .integer(let number) = found else { throw invalid(key, "", expected) }
      value = number
    }
    if let value, !range.contains(value) { throw invalid(key, "\(value)", expected) }
    note(key, value.map { .integer($0) } ?? .null)
  }

  /// A list of integers.
  mutating func integers(
    _ key: String, _ value: inout [Int], in range: ClosedRange<Int>
  ) throws(FlowError) {
    let expected = "a list of integers of \(range.lowerBound) to \(range.upperBound)"
    if let found = given(key) {
      guard case .array(let items) = found else { throw invalid(key, "", expected) }
      var numbers: [Int] = []
      for item in items {
        guard case .integer(let number) = item else { throw invalid(key, "", expected) }
        numbers.append(number)
      }
      value = numbers
    }
    guard value.allSatisfy(range.contains) else { throw invalid(key, "\(value)", expected) }
    note(key, .array(value.map { .integer($0) }))
  }

  /// A list of integers that is left out if it is empty.
  mutating func indices(
    _ key: String, _ value: inout [Int], in range: ClosedRange<Int>
  ) throws(FlowError) {
    guard !value.isEmpty || given(key) != nil else { return }
    try integers(key, &value, in: range)
  }

  /// A list of numbers that may be left out; each passes a test.
  mutating func numbers(
    _ key: String, _ value: inout [Double]?, expected: String, where isValid: (Double) -> Bool
  ) throws(FlowError) {
    if let found = given(key) {
      guard case .array(let items) = found else { throw invalid(key, "", expected) }
      value = try items.map { item throws(FlowError) in
        switch item {
        case .number(let number): return number
        case .integer(let number): return Double(number)
        default: throw invalid(key, "", expected)
        }
      }
    }
    guard let value else { return }
    guard value.allSatisfy(isValid) else { throw invalid(key, "\(value)", expected) }
    note(key, .array(value.map { .number($0) }))
  }

  /// A truth value.
  mutating func flag(
    _ key: String, _ value: inout Bool, default isDefault: Bool = false
  ) throws(FlowError) {
    keys.append(key)
    if let found = reader?[key] {
      guard case .bool(let flag) = found else { throw invalid(key, "", "true or false") }
      value = flag
    }
    if value != isDefault { note(key, .bool(value)) }
  }

  /// A number that passes a test.
  mutating func number(
    _ key: String, _ value: inout Double, expected: String = "a number",
    where isValid: (Double) -> Bool = { _ in true }
  ) throws(FlowError) {
    keys.append(key)
    switch reader?[key] {
    case nil: break
    case .number(let number): value = number
    case .integer(let number): value = Double(number)
    default: throw invalid(key, "", expected)
    }
    guard value.isFinite, isValid(value) else { throw invalid(key, "\(value)", expected) }
    note(key, .number(value))
  }

  /// The minimum slope of a transform; nil for that of the release.
  mutating func slope(_ value: inout Double?) throws(FlowError) {
    guard value != nil || reader?["slope"] != nil else {
      keys.append("slope")
      note("slope", .null)
      return
    }
    var slope = value ?? 0
    try number("slope", &slope, expected: "a number between 0 and 1") { 0 < $0 && $0 < 1 }
    value = slope
  }

  /// One of the values of an enumeration, by its name.
  mutating func choice<Choice>(_ key: String, _ value: inout Choice) throws(FlowError)
  where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
    if let found = given(key) {
      guard case .string(let name) = found, let known = Choice(rawValue: name) else {
        throw invalid(
          key, "", "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
      }
      value = known
    }
    note(key, .string(value.rawValue))
  }

  /// A part that is described by JSON of its own, read where the flow is built.
  mutating func part(_ key: String, _ value: inout JSONValue?) {
    value = given(key) ?? value
    note(key, value ?? .null)
  }

  /// A list of flows.
  mutating func flows(
    _ key: String, _ value: inout [FlowDescription], in range: ClosedRange<Int>
  ) throws(FlowError) {
    let expected = "a list of \(range.lowerBound) to \(range.upperBound) flows"
    if let found = given(key) {
      guard case .array(let items) = found, range.contains(items.count) else {
        throw invalid(key, "", expected)
      }
      value = []
      for (index, item) in items.enumerated() {
        do {
          value.append(try FlowDescription(item))
        } catch {
          throw error.within("\(path(key))[\(index)]")
        }
      }
    }
    guard range.contains(value.count) else { throw invalid(key, "\(value.count)", expected) }
    note(key, .array(value.map(\.json)))
  }

  /// An object of further arguments.
  mutating func object(
    _ key: String, _ visit: (inout ArgumentVisitor) throws(FlowError) -> Void
  ) throws(FlowError) {
    let inner: DescriptionReader? =
      if let found = given(key) {
        try DescriptionReader(arguments: found, place: path(key))
      } else { nil }
    var visitor = ArgumentVisitor(inner, place: path(key), release: release)
    try visit(&visitor)
    try inner?.allow(visitor.keys)
    note(key, .object(visitor.members))
  }
}
