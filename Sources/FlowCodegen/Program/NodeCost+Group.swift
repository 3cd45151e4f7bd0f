import FlowIR

extension NodeCost {
  /// Adds what fused operations take together; `kept` are the results that are stored. What compilers join is
  /// counted once:
  ///
  ///     a·b + c, Σ a·b                         a fused multiply-add, if nothing else reads the product
  ///     b - a, (-a)·b                          a negation is a part of what reads it
  ///     m ? a + b : c, Σ (m ? a : 0)           one instruction under a mask with AVX-512
  ///     erf(z), erfc(z), erfc(-z), exp(-z²)    one reduction, two polynomials, and a few selections for each
  ///     softplus(x), sigmoid(x)                one exponential
  ///     exp(x / (1 + |x / b|)), log1p(|x|)     no care for numbers that cannot be
  mutating func add(
    _ operations: [TensorOperation], kept: Set<Value>, _ views: Views, on set: InstructionSet
  ) {
    let joined = JoinedOperations(operations, kept: kept, views, on: set)
    for (place, operation) in operations.enumerated() where !joined.absorbed.contains(place) {
      guard let more = joined.more[place] else {
        add(operation, views.function, on: set)
        continue
      }
      let count = views.type(of: operation.result).elementCount
      instructions += count * more.instructions[set]
      divisions += count * more.divisions[set]
    }
  }
}

/// The operations of a group that others are joined with.
private struct JoinedOperations {
  /// The places of those that take no instructions of their own.
  private(set) var absorbed: Set<Int> = []
  /// What those take whose other parts another operation has computed, by their places.
  private(set) var more: [Int: SharedPart.Kind.More] = [:]

  private let operations: [TensorOperation]
  private let kept: Set<Value>
  private let views: Views
  private let readers: GroupReaders

  init(
    _ operations: [TensorOperation], kept: Set<Value>, _ views: Views, on set: InstructionSet
  ) {
    self.operations = operations
    self.kept = kept
    self.views = views
    readers = GroupReaders(operations, views)
    shareParts(on: set)
    shortenComplements()
    narrowFunctions()
    absorbComparisons()
    absorbNegations()
    absorbProducts()
    if set.hasAVX512 { absorbSelections() }
  }

  /// Functions of one number, or of its negative, share what they have in common: erfc, or else the one that takes
  /// most, is counted whole.
  private mutating func shareParts(on set: InstructionSet) {
    let complements = Set(
      operations.filter { $0.opcode == .unary(.erfc) }.compactMap {
        NormalParts.number(of: $0, views.definition(of:))
      })
    var sharing: [SharedPart: [Int]] = [:]
    for (place, operation) in operations.enumerated() {
      if let part = SharedPart(operation, complements: complements, views) {
        sharing[part, default: []].append(place)
      }
    }
    for (part, places) in sharing where places.count > 1 {
      // Beside an erfc, erf is made of its parts.
      let whole =
        places.first { operations[$0].opcode == .unary(.erfc) }
        ?? places.max { cost(of: $0, on: set) < cost(of: $1, on: set) }
      for place in places where place != whole {
        more[place] = part.kind.more(for: operations[place].opcode)
        if operations[place].opcode == .unary(.exp) { absorbExponent(of: place) }
      }
    }
  }

  private func cost(of place: Int, on set: InstructionSet) -> Int {
    operations[place].opcode.traits.cost.perResult[set]
  }

  /// An exponential beside an erfc is not computed from the negative square of their number, which goes unused.
  private mutating func absorbExponent(of exponential: Int) {
    var reader = exponential
    while let place = readers.place(of: operations[reader].operands[0]),
      onlyReader(of: place) == reader,
      [.unary(.negate), .unary(.square)].contains(operations[place].opcode)
    {
      absorbed.insert(place)
      reader = place
    }
  }

  /// An erfc of an absolute value takes that anyway, and has no negative numbers to look after.
  private mutating func shortenComplements() {
    for (place, operation) in operations.enumerated()
    where operation.opcode == .unary(.erfc) && more[place] == nil {
      guard let size = views.definition(of: operation.operands[0]),
        size.opcode == .unary(.absolute)
      else { continue }
      more[place] = Self.complementOfSize
      if let place = readers.place(of: size.result), onlyReader(of: place) != nil {
        absorbed.insert(place)
      }
    }
  }

  private static let complementOfSize = SharedPart.Kind.More(
    instructions: InstructionCounts(26, 30, float64: 55, 59), divisions: 1)

  private mutating func narrowFunctions() {
    for (place, operation) in operations.enumerated() where more[place] == nil {
      guard let cost = RangedFunction(operation, views)?.cost else { continue }
      more[place] = SharedPart.Kind.More(
        instructions: cost.perResult, divisions: cost.divisions)
    }
  }

  /// The smaller or larger of the two numbers that a comparison compares is one instruction.
  private mutating func absorbComparisons() {
    for (place, operation) in operations.enumerated() {
      guard case .compare(let comparison) = operation.opcode,
        comparison == .less || comparison == .greater, let reader = onlyReader(of: place),
        operations[reader].opcode == .select,
        Set(operations[reader].operands.dropFirst()) == Set(operation.operands)
      else { continue }
      absorbed.insert(place)
    }
  }

  private mutating func absorbNegations() {
    for (place, operation) in operations.enumerated()
    where operation.opcode == .unary(.negate) && isOwnFloat(place) {
      let isPart = readers[place].allSatisfy {
        Self.arithmetic.contains(operations[$0.operation].opcode)
      }
      if isPart && !readers[place].isEmpty { absorbed.insert(place) }
    }
  }

  private mutating func absorbProducts() {
    var sums: Set<Int> = []
    for (place, operation) in operations.enumerated()
    where operation.opcode == .binary(.multiply) || operation.opcode == .unary(.square) {
      guard isOwnFloat(place), let reader = onlyReader(of: place) else { continue }
      let sum = operations[reader]
      let count = views.type(of: operation.result).elementCount
      if Self.sums.contains(sum.opcode) {
        // Of a sum of two products, one is computed before.
        guard views.type(of: sum.result).elementCount == count, sums.insert(reader).inserted
        else { continue }
      } else {
        guard Self.addsElements(sum), views.type(of: sum.operands[0]).elementCount == count
        else { continue }
      }
      absorbed.insert(place)
    }
  }

  private mutating func absorbSelections() {
    for (place, operation) in operations.enumerated() where operation.opcode == .select {
      if let reader = onlyReader(of: place), Self.addsElements(operations[reader]),
        operation.operands.dropFirst().contains(where: { views.splat(of: $0) == 0 })
      {
        absorbed.insert(place)
        continue
      }
      let count = views.type(of: operation.result).elementCount
      let isMasked = operation.operands.dropFirst().contains { operand in
        guard let source = readers.place(of: operand), onlyReader(of: source) == place,
          !absorbed.contains(source), views.type(of: operand).elementCount == count
        else { return false }
        return Self.arithmetic.contains(operations[source].opcode)
      }
      if isMasked { absorbed.insert(place) }
    }
  }

  private static let sums: Set<Opcode> = [.binary(.add), .binary(.subtract)]
  private static let arithmetic = sums.union([.binary(.multiply)])

  /// Whether an operation adds the elements of its operand to each other.
  private static func addsElements(_ operation: TensorOperation) -> Bool {
    if case .reduce(.sum, axis: _) = operation.opcode { return true }
    if case .cumulativeSum = operation.opcode { return true }
    return false
  }

  /// Whether a result is a float that is not stored.
  private func isOwnFloat(_ place: Int) -> Bool {
    let result = operations[place].result
    return views.type(of: result).dtype.isFloat && !kept.contains(result)
  }

  /// The only operation that reads a result, once; nil if others do, or it is stored.
  private func onlyReader(of place: Int) -> Int? {
    guard !kept.contains(operations[place].result), readers[place].count == 1 else { return nil }
    return readers[place][0].operation
  }
}

/// What functions of one number, or of its negative, have in common.
private struct SharedPart: Hashable {
  enum Kind: Hashable {
    /// `fk_normal_parts`.
    case errorFunction
    /// `exp(-|x|)`.
    case exponential

    /// What one more function of the same number takes.
    struct More {
      let instructions: InstructionCounts
      let divisions: InstructionCounts
    }

    func more(for function: Opcode) -> More {
      switch self {
      case .exponential: More(instructions: 3, divisions: 1)
      case .errorFunction where function == .unary(.erf):
        More(instructions: InstructionCounts(8, 11, float64: 15, 16), divisions: 0)
      case .errorFunction where function == .unary(.erfc): More(instructions: 2, divisions: 0)
      case .errorFunction: More(instructions: 0, divisions: 0)
      }
    }
  }

  let kind: Kind
  let number: Value

  /// The part that an operation has; `complements` are the numbers of which an erfc is computed.
  init?(_ operation: TensorOperation, complements: Set<Value>, _ views: Views) {
    guard case .unary(let unary) = operation.opcode else { return nil }
    switch unary {
    case .erf, .erfc, .exp:
      guard let number = NormalParts.number(of: operation, views.definition(of:)),
        unary != .exp || complements.contains(number)
      else { return nil }
      (kind, self.number) = (.errorFunction, number)
    case .sigmoid, .softplus, .logSigmoid:
      kind = .exponential
      number = NormalParts.unsigned(operation.operands[0], views.definition(of:))
    case .negate, .absolute, .sign, .reciprocal, .square, .sqrt, .rsqrt, .expm1, .log, .log1p,
      .sin, .cos, .asin, .tanh, .relu, .elu, .floor, .isNaN, .isFinite, .not:
      return nil
    }
  }
}
