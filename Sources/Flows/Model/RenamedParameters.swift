/// The parameters of a model, under other names, as the source of the buffers that decide its structure.
struct RenamedParameters: CheckpointSource {
  /// The parameter of a name; nil if there is none.
  let source: (String) -> Parameter?

  func integers(_ name: String) -> [Int]? {
    guard case .values(let values)? = source(name)?.initializer else { return nil }
    return values.map { Int($0) }
  }

  func booleans(_ name: String) -> [Bool]? {
    guard case .bits(let bits)? = source(name)?.initializer else { return nil }
    return bits
  }

  func contains(_ name: String) -> Bool { source(name) != nil }
  func shape(_ name: String) -> [Int]? { source(name)?.shape }
  func check(_ parameter: Parameter) throws(FlowError) {}
  var isEmpty: Bool { false }
}
