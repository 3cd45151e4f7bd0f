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

  /// Makes sure that there are no keys but these.
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

  /// Makes sure that a release has the class and its arguments.
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

  func integer(_ key: String, default fallback: Int?, minimum: Int) throws(FlowError) -> Int {
    guard let value = self[key] else {
      guard let fallback else { throw bad(key, "an integer of \(minimum) or more") }
      return fallback
    }
    guard case .integer(let number) = value, (minimum...1_000_000).contains(number) else {
      throw bad(key, "an integer of \(minimum) or more")
    }
    return number
  }

  func optionalInteger(_ key: String, minimum: Int) throws(FlowError) -> Int? {
    if self[key] == nil || self[key] == .null { return nil }
    return try integer(key, default: nil, minimum: minimum)
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

  func integers(_ key: String, minimum: Int) throws(FlowError) -> [Int]? {
    guard let value = self[key], value != .null else { return nil }
    guard case .array(let items) = value else { throw bad(key, "a list of integers") }
    var result: [Int] = []
    for item in items {
      guard case .integer(let number) = item, (minimum...1_000_000).contains(number) else {
        throw bad(key, "a list of integers of \(minimum) or more")
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
        guard case .integer(let extent) = dimension, (1...1_000_000).contains(extent) else {
          throw bad(key, "a list of shapes of positive integers")
        }
        shape.append(extent)
      }
      result.append(shape)
    }
    return result
  }

  /// The arguments of the hyper-network.
  func network(_ keys: Set<String>) throws(FlowError) -> HyperNetwork {
    var network = HyperNetwork()
    network.hiddenFeatures = try integers("hidden_features", minimum: 1) ?? [64, 64]
    switch self["activation"] {
    case nil, .null: break
    case .string(let name):
      guard let activation = Activation(rawValue: name) else {
        throw bad(
          "activation", "one of " + Activation.allCases.map(\.rawValue).joined(separator: ", "))
      }
      network.activation = activation
    default: throw bad("activation", "the name of an activation")
    }
    if keys.contains("residual") { network.residual = try flag("residual") }
    if keys.contains("normalize") { network.normalize = try flag("normalize") }
    return network
  }
}
