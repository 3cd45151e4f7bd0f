import FlowFiles
import FlowIR

/// Reads the arguments of one object of a flow description, checking types and left-over keys.
struct DescriptionReader {
  let members: [JSONValue.Member]
  let place: String
  let type: String

  init(_ value: JSONValue, place: String) throws(FlowError) {
    guard case .object(let members) = value else {
      throw .invalid(place: place, found: value.text, expected: "an object with a \"type\"")
    }
    guard case .string(let type)? = value["type"] else {
      throw .invalid(
        place: Self.join(place, "type"), found: value["type"]?.text ?? "nothing",
        expected: "the name of a class")
    }
    self.members = members
    self.place = place
    self.type = type
  }

  /// Reads an object of plain arguments, which has no `type`.
  init(arguments value: JSONValue, place: String) throws(FlowError) {
    guard case .object(let members) = value else {
      throw .invalid(place: place, found: value.text, expected: "an object")
    }
    self.members = members
    self.place = place
    type = ""
  }

  static func join(_ place: String, _ key: String) -> String {
    place.isEmpty ? key : place + "." + key
  }

  func path(_ key: String) -> String { Self.join(place, key) }

  subscript(_ key: String) -> JSONValue? { members.first { $0.key == key }?.value }

  /// Checks that there are no other keys than these.
  func allow(_ keys: [String]) throws(FlowError) {
    for member in members where member.key != "type" && !keys.contains(member.key) {
      throw .unknownArgument(place: path(member.key), known: keys)
    }
  }

  /// The release of Zuko under `zuko`; the current one if there is none.
  func release() throws(FlowError) -> ZukoRelease {
    guard let given = self["zuko"] else { return .current }
    guard case .string(let version) = given, let release = ZukoRelease(version) else {
      throw .unknownRelease(place: path("zuko"), found: given.text)
    }
    return release
  }

  /// Checks that a release has the class and its arguments.
  func check(_ release: ZukoRelease) throws(FlowError) {
    func check(_ name: String, _ since: ZukoRelease, at key: String) throws(FlowError) {
      guard since <= release else {
        throw .notInRelease(place: path(key), name: name, since: since, release: release)
      }
    }
    try check(type, .first(type), at: "type")
    for key in members.map(\.key) { try check(key, .first(type, key), at: key) }
  }

  private func bad(_ key: String, _ expected: String) -> FlowError {
    .invalid(place: path(key), found: self[key]?.text ?? "nothing", expected: expected)
  }

  func integer(
    _ key: String, default fallback: Int?, in range: ClosedRange<Int>
  ) throws(FlowError) -> Int {
    if self[key] == nil, let fallback { return fallback }
    guard case .integer(let number)? = self[key], range.contains(number) else {
      throw bad(key, "an integer of \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(FlowError) -> Int? {
    if self[key] == nil || self[key] == .null { return nil }
    return try integer(key, default: nil, in: range)
  }

  func number(_ key: String, default fallback: Double) throws(FlowError) -> Double {
    switch self[key] {
    case nil: return fallback
    case .number(let number): return number
    case .integer(let number): return Double(number)
    default: throw bad(key, "a number")
    }
  }

  func flag(_ key: String, default fallback: Bool = false) throws(FlowError) -> Bool {
    switch self[key] {
    case nil: return fallback
    case .bool(let flag): return flag
    default: throw bad(key, "true or false")
    }
  }

  func integers(_ key: String, in range: ClosedRange<Int>) throws(FlowError) -> [Int]? {
    guard let value = self[key], value != .null else { return nil }
    guard case .array(let items) = value else { throw bad(key, "a list of integers") }
    var result: [Int] = []
    for item in items {
      guard case .integer(let number) = item, range.contains(number) else {
        throw bad(key, "a list of integers of \(range.lowerBound) to \(range.upperBound)")
      }
      result.append(number)
    }
    return result
  }

  func booleans(_ key: String) throws(FlowError) -> [Bool]? {
    guard let value = self[key], value != .null else { return nil }
    guard case .array(let items) = value else { throw bad(key, "a list of 0 and 1") }
    var result: [Bool] = []
    for item in items {
      switch item {
      case .bool(let flag): result.append(flag)
      case .integer(0): result.append(false)
      case .integer(1): result.append(true)
      default: throw bad(key, "a list of 0 and 1")
      }
    }
    return result
  }

  func matrix(_ key: String) throws(FlowError) -> Mask? {
    guard let value = self[key], value != .null else { return nil }
    guard case .array(let rows) = value, !rows.isEmpty else {
      throw bad(key, "a matrix of 0 and 1")
    }
    var bits: [Bool] = []
    var columns: Int?
    for row in rows {
      guard case .array(let items) = row, columns == nil || columns == items.count else {
        throw bad(key, "a matrix of 0 and 1 with rows of one length")
      }
      columns = items.count
      for item in items {
        switch item {
        case .bool(let flag): bits.append(flag)
        case .integer(0): bits.append(false)
        case .integer(1): bits.append(true)
        default: throw bad(key, "a matrix of 0 and 1")
        }
      }
    }
    return Mask(rows: rows.count, columns: columns ?? 0, bits: bits)
  }

  func shapes(_ key: String) throws(FlowError) -> [[Int]]? {
    guard let value = self[key], value != .null else { return nil }
    guard case .array(let items) = value else { throw bad(key, "a list of shapes") }
    var result: [[Int]] = []
    for item in items {
      guard case .array(let dimensions) = item else { throw bad(key, "a list of shapes") }
      var shape: [Int] = []
      for dimension in dimensions {
        guard case .integer(let extent) = dimension, SizeLimit.extent.contains(extent) else {
          let (low, high) = (SizeLimit.extent.lowerBound, SizeLimit.extent.upperBound)
          throw bad(key, "a list of shapes of integers of \(low) to \(high)")
        }
        shape.append(extent)
      }
      result.append(shape)
    }
    return result
  }

  /// The arguments of a network, which starts with the given ones.
  func network(
    _ defaults: NetworkShape = NetworkShape(), residual: Bool = false, normalize: Bool = false
  ) throws(FlowError) -> HyperNetwork {
    var shape = defaults
    var visitor = ArgumentVisitor(self, place: place, release: .current)
    try shape.visit(&visitor, residual: residual, normalize: normalize)
    return shape.hyper
  }
}
