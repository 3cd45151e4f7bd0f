import FlowIR

/// C expressions for pointers to uniform values.
struct CPlaces {
  let storage: Storage
  /// What the names of constant tables start with.
  let name: String

  /// A pointer to a uniform value's elements.
  func pointer(_ value: Value) -> String {
    guard let location = storage.locations[value] else {
      preconditionFailure("uniform value \(value.id) has no place")
    }
    return pointer(location)
  }

  func pointer(_ location: Storage.Location) -> String {
    switch location {
    case .argument(let index): "((const fk_real *)args[\(index)])"
    case .result(let index): "((fk_real *)results[\(index)])"
    case .state(let offset): "(state + \(offset))"
    case .work(let offset): "(work + \(offset))"
    case .table(let index): "((const fk_real *)\(constant(index)))"
    }
  }

  /// The name of a dense constant.
  func constant(_ index: Int) -> String { "\(name)_constant_\(index)" }

  /// The two words of a seed.
  func key(_ seed: Value) -> (String, String) {
    let words = "(const int32_t *)" + pointer(seed)
    return ("(uint32_t)(\(words))[0]", "(uint32_t)(\(words))[1]")
  }
}
