import FlowIR

/// The last long function of a group, and what depends on it, which run in a loop of their own over a tile's
/// vectors:
///
///     for each item { for each vector { … x = … }  for each vector { … log x … } }
///
/// A processor looks ahead less far than one vector's work in a group of many operations. At its end it would wait
/// for each step of the function, since nothing else is left to do and the next vector's work is out of sight. In a
/// loop of their own the vectors' functions follow each other closely.
struct GroupTail {
  /// The results of its operations.
  let results: Set<Value>
  /// What the other operations of the group compute for it.
  let carried: Set<Value>

  /// The tail of a group's operations; nil if there is no function to wait for, or too little before it.
  init?(_ operations: [TensorOperation], _ views: Views) {
    let results = Dictionary(
      operations.enumerated().map { ($1.result, $0) }, uniquingKeysWith: { first, _ in first })
    let last = operations.lastIndex { operation in
      guard case .unary(let unary) = operation.opcode else { return false }
      return unary.traits.cost.perResult[.planned] >= Self.leastLong
        && IterationSpace(operation, views.function).inner.isEmpty
    }
    guard let last else { return nil }
    var tail: Set<Value> = []
    var carried: Set<Value> = []
    var before = NodeCost()
    for (index, operation) in operations.enumerated() {
      let sources = operation.operands.map { operand in
        (operand, Set(views.elements(of: operand).compactMap(\.source)))
      }
      guard index == last || sources.contains(where: { !$1.isDisjoint(with: tail) }) else {
        before.add(operation, views.function)
        continue
      }
      guard Self.runsApart(operation, views.function) else { return nil }
      for (operand, sources) in sources {
        let own = sources.filter { results[$0] != nil }
        guard own.isEmpty || own == [operand] else { return nil }
        carried.formUnion(own.subtracting(tail))
      }
      tail.insert(operation.result)
    }
    let items = IterationSpace(operations[last], views.function).extent
    guard carried.count <= Self.mostCarried, before.instructions >= Self.leastBefore * items else {
      return nil
    }
    self.results = tail
    self.carried = carried
  }

  /// Whether an operation is of one element for each item.
  private static func runsApart(_ operation: TensorOperation, _ function: Function) -> Bool {
    let space = IterationSpace(operation, function)
    guard space.inner.isEmpty else { return false }
    if case .reduce(_, let axis) = operation.opcode { return axis == 0 && !space.isWhole }
    return operation.opcode.isPointwise
  }

  /// The fewest instructions of a function that is waited for: log has as many, exp fewer.
  private static let leastLong = 21
  /// The fewest instructions before it, for each item, beyond which the next vector's are out of sight.
  private static let leastBefore = 200
  /// The most values that are stored for the tail.
  private static let mostCarried = 4
}
