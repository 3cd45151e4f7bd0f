/// One operation of a function: an opcode, operands, results, regions, and the scope it came from.
public struct TensorOperation: Hashable, Sendable {
  /// What it does.
  public var opcode: Opcode
  /// The values that it reads.
  public var operands: [Value]
  /// The values that it defines.
  public var results: [Value]
  /// The regions of a structured operation; empty for all others.
  public var regions: [Region]
  /// The part of the model that made it.
  public var scope: Scope

  /// Makes an operation; `FunctionBuilder.append` is the usual way, which also infers types.
  public init(
    opcode: Opcode, operands: [Value], results: [Value], regions: [Region] = [],
    scope: Scope = Scope()
  ) {
    self.opcode = opcode
    self.operands = operands
    self.results = results
    self.regions = regions
    self.scope = scope
  }
}

/// The body of a structured operation: arguments, operations in order, the values it yields.
///
/// A region may use values that are defined before its operation, without listing them.
public struct Region: Hashable, Sendable {
  /// The values that the region is given.
  public var arguments: [Value]
  /// The operations, each after those that define its operands.
  public var operations: [TensorOperation]
  /// The values that the region yields.
  public var results: [Value]

  /// Makes a region.
  public init(arguments: [Value], operations: [TensorOperation], results: [Value]) {
    self.arguments = arguments
    self.operations = operations
    self.results = results
  }

  /// The values from outside that the region or a region within uses, in order of first use.
  public var captures: [Value] {
    var finder = CaptureFinder()
    finder.enter(self)
    finder.walk(operations)
    finder.leave(self)
    return finder.found
  }
}

private struct CaptureFinder: OperationVisitor {
  private var defined: Set<Value> = []
  private var seen: Set<Value> = []
  private(set) var found: [Value] = []

  mutating func enter(_ operation: TensorOperation) {
    for operand in operation.operands { use(operand) }
  }

  mutating func enter(_ region: Region) { defined.formUnion(region.arguments) }

  mutating func leave(_ region: Region) {
    for result in region.results { use(result) }
  }

  mutating func leave(_ operation: TensorOperation) { defined.formUnion(operation.results) }

  private mutating func use(_ value: Value) {
    if !defined.contains(value), seen.insert(value).inserted { found.append(value) }
  }
}

extension Region {
  /// Whether an operation within, at any depth, sums over rows.
  public var sumsRows: Bool { operations.contains(where: \.sumsRows) }
}

extension TensorOperation {
  /// The operands and the values that the regions use from outside.
  public var inputs: [Value] { operands + regions.flatMap(\.captures) }

  /// The operation with other operations in its regions, whose arguments and results stay.
  public func replacingRegionOperations(
    _ replacement: (Region) -> [TensorOperation]
  ) -> TensorOperation {
    var changed = self
    for index in regions.indices { changed.regions[index].operations = replacement(regions[index]) }
    return changed
  }

  /// The only result of an operation that has one.
  public var result: Value {
    precondition(results.count == 1, "the operation has \(results.count) results, not one")
    return results[0]
  }
}
