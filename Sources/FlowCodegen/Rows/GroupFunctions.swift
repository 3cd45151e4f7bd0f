import FlowIR

/// The C functions that a group calls in the place of an operation's own.
///
/// For erf z, erfc z and exp(-z²) of one number they are those that share one reduction of its size. For a function
/// whose operand lies in a range, whatever that is computed from, it is a ``RangedFunction``.
///
/// Results that are too small to be normal numbers take some processors a hundred times as long. Those that end in
/// sums where they cannot count are zero instead: erfc, which is summed; and exp(-z²), if the sum of its products is
/// one that the group's guard takes only where it is far from the ends of the numbers.
struct GroupFunctions {
  /// A call in the place of an operation.
  struct Call {
    /// The C function.
    let function: String
    /// What it is given.
    let number: Value
  }

  private var calls: [Value: Call] = [:]
  /// Whether some results that are no normal numbers are left out of sums.
  private(set) var sumsNormalNumbers = false
  /// The functions of operands in a range.
  private(set) var ranged: Set<RangedFunction> = []

  init(
    _ operations: [TensorOperation], guarded: GroupGuard?, stored: Set<Value>, _ views: Views
  ) {
    chooseJoint(operations, guarded: guarded, stored: stored, views)
    for operation in operations {
      guard let function = RangedFunction(operation, views), calls[operation.result] == nil else {
        continue
      }
      ranged.insert(function)
      calls[operation.result] = Call(function: function.name, number: operation.operands[0])
    }
  }

  private mutating func chooseJoint(
    _ operations: [TensorOperation], guarded: GroupGuard?, stored: Set<Value>, _ views: Views
  ) {
    var parts: [Value: [Int]] = [:]
    for (place, operation) in operations.enumerated() {
      let number = NormalParts.number(of: operation, views.definition(of:))
      if let number { parts[number, default: []].append(place) }
    }
    if parts.isEmpty { return }
    let readers = GroupReaders(operations, views)
    /// Whether all that reads a result ends in a sum that may leave out what is no normal number.
    func isSummed(_ place: Int) -> Bool {
      let operation = operations[place]
      if stored.contains(operation.result) || readers[place].isEmpty { return false }
      let isBell = operation.opcode == .unary(.exp)
      return readers[place].allSatisfy { reader in
        let next = operations[reader.operation]
        if case .reduce(.sum, _) = next.opcode { return !isBell || isJudged(reader.operation) }
        if next.opcode == .unary(.negate) || (next.opcode == .select && reader.operand > 0) {
          return !isBell && isSummed(reader.operation)
        }
        return isBell && next.opcode == .binary(.multiply) && !stored.contains(next.result)
          && readers[reader.operation].allSatisfy { isJudged($0.operation) }
      }
    }
    /// Whether an operation is a sum whose logarithm is the number that the guard judges.
    func isJudged(_ place: Int) -> Bool {
      guard let number = guarded?.number, case .reduce(.sum, _) = operations[place].opcode,
        !stored.contains(operations[place].result)
      else { return false }
      return readers[place].allSatisfy { logarithm in
        operations[logarithm.operation].opcode == .unary(.log)
          && operations[logarithm.operation].result == number
      }
    }
    let read = Set(operations.flatMap(\.operands))
    for places in parts.values {
      guard places.contains(where: { operations[$0].opcode == .unary(.erfc) }) else { continue }
      let isSum = places.allSatisfy(isSummed)
      sumsNormalNumbers = sumsNormalNumbers || isSum
      for place in places {
        let operation = operations[place]
        // The square of a number may stand in another group, and this one not read the number.
        guard let number = NormalParts.argument(of: operation, views.definition(of:)),
          read.contains(number)
        else { continue }
        let function: String
        if operation.opcode == .unary(.erfc) {
          guard isSum else { continue }
          function = "fk_erfc_summed"
        } else {
          let name = operation.opcode == .unary(.exp) ? "bell" : "erf"
          function = isSum ? "fk_\(name)_summed" : "fk_\(name)_beside_erfc"
        }
        calls[operation.result] = Call(function: function, number: number)
      }
    }
  }

  /// The call in the place of an operation; nil if its own function is called.
  func call(for operation: TensorOperation) -> Call? {
    operation.results.first.flatMap { calls[$0] }
  }
}
