import FlowIR

/// The part of a group that runs only for vectors in which some row needs it: what stands in for a number that a
/// comparison finds no good, and all that it alone is made of.
///
///     for each item { for each vector { … a = …, m = a > …  if any row lacks m { … b = … }  y = select m, a, b } }
///
/// The sum of a mixture's densities is such a select: a loop over the components gives it in nearly all rows, and a
/// second one, for rows so far out that all densities underflow, is hardly ever run.
struct GroupGuard {
  /// True in rows that do without.
  let condition: Value
  /// The number that a comparison judges.
  let number: Value
  /// The results of its operations.
  let results: Set<Value>
  /// The one that the select reads.
  let choice: Value

  /// The guarded part of a group's operations that saves most; nil if none saves much.
  init?(
    _ operations: [TensorOperation], stored: Set<Value>, _ views: Views
  ) {
    let readers = GroupReaders(operations, views)
    var best: (select: Int, part: Set<Int>, instructions: Int)?
    for (select, operation) in operations.enumerated() where Self.chooses(operation, views, readers)
    {
      var part: Set<Int> = []
      var cost = NodeCost()
      for candidate in (0..<select).reversed() where Self.isGuardable(operations[candidate], views)
      {
        let isOwn = readers[candidate].allSatisfy {
          part.contains($0.operation) || ($0.operation == select && $0.operand == 2)
        }
        let result = operations[candidate].result
        guard isOwn, !readers[candidate].isEmpty, !stored.contains(result) else { continue }
        part.insert(candidate)
        cost.add(operations[candidate], views.function)
      }
      let extent = IterationSpace(operation, views.function).extent
      guard cost.instructions >= Self.leastSaved * extent,
        cost.instructions > best?.instructions ?? 0
      else { continue }
      best = (select, part, cost.instructions)
    }
    guard let best else { return nil }
    condition = operations[best.select].operands[0]
    number = operations[best.select].operands[1]
    results = Set(best.part.map { operations[$0].result })
    choice = operations[best.select].operands[2]
  }

  /// The operations that run before the guarded ones, these, and those that depend on them.
  func parts(
    of operations: [TensorOperation], _ views: Views
  ) -> (before: [TensorOperation], guarded: [TensorOperation], after: [TensorOperation]) {
    var late = results
    var parts: (before: [TensorOperation], guarded: [TensorOperation], after: [TensorOperation]) =
      ([], [], [])
    for operation in operations {
      let isLate = operation.operands.contains { operand in
        views.elements(of: operand).contains { $0.source.map(late.contains) == true }
      }
      if results.contains(operation.result) {
        parts.guarded.append(operation)
      } else if isLate {
        late.insert(operation.result)
        parts.after.append(operation)
      } else {
        parts.before.append(operation)
      }
    }
    return parts
  }

  /// Whether an operation takes a number of an item unless a comparison says that it is no good, or that its size is
  /// too large, and the group computes what it takes instead. Other selects may take either side in every other row,
  /// and a branch would cost more than it saves; those that take a number of enormous size, and else a function of it,
  /// take that function in nearly all rows.
  private static func chooses(
    _ operation: TensorOperation, _ views: Views, _ readers: GroupReaders
  ) -> Bool {
    guard operation.opcode == .select, readers.place(of: operation.operands[0]) != nil,
      readers.place(of: operation.operands[2]) != nil,
      IterationSpace(operation, views.function).inner.isEmpty,
      let condition = views.definition(of: operation.operands[0]),
      case .compare(let comparison) = condition.opcode
    else { return false }
    return condition.operands.enumerated().contains { place, number in
      if let size = views.definition(of: number), size.opcode == .unary(.absolute) {
        return place == comparison.smallerOperand && size.operands[0] == operation.operands[1]
      }
      return number == operation.operands[1]
    }
  }

  private static func isGuardable(_ operation: TensorOperation, _ views: Views) -> Bool {
    if case .reduce(_, let axis) = operation.opcode {
      return axis > 0 || IterationSpace(operation, views.function).isWhole
    }
    return operation.opcode.isPointwise
  }

  /// The fewest instructions of an item for which a branch is worth while.
  private static let leastSaved = 80
}

extension Comparison {
  /// Which operand is the smaller one where the comparison holds; nil if that does not say.
  fileprivate var smallerOperand: Int? {
    switch self {
    case .less, .lessEqual: 0
    case .greater, .greaterEqual: 1
    case .equal, .notEqual: nil
    }
  }
}
