import FlowIR

/// Fused pointwise, reduction and search operations under one loop over `extent` items.
struct GroupNode: NodeBody {
  /// A value that leaves the group: each element's place in a buffer, or -1.
  struct Store {
    let value: Value
    let buffer: Buffer
    let map: [Int]
  }

  /// A reduction over the group's own loop, accumulated in a buffer.
  struct Sum {
    let value: Value
    let buffer: Buffer
    let reduction: Reduction
    /// What the buffer starts from.
    let identity: Double
  }

  /// Which processors work on several vectors of a whole tile side by side, as wide vectors.
  enum Width {
    case none
    /// Those with short vectors and sixteen registers, as AVX2 has.
    case withShortVectors
    case all
  }

  let extent: Int
  /// Those of the tail last, and those of the guarded part one after the other.
  let operations: [TensorOperation]
  let stores: [Store]
  /// In the order of their values.
  let sums: [Sum]
  /// The buffers of values that other nodes made.
  let sources: [Value: Buffer]
  /// Operands that are read through a buffer of their own, because their view is not a simple index.
  let viewBuffers: [Value: Buffer]
  let uniforms: [Value]
  let width: Width
  /// Whether it only reduces values in memory over its items, whose accumulators stay in registers then.
  let isReduction: Bool
  /// What runs only for vectors in which some row needs it.
  let guarded: GroupGuard?
  /// What it calls in the place of operations' own functions.
  let functions: GroupFunctions
  /// What runs in a loop of its own over a tile's vectors.
  let tail: GroupTail?
  /// What each item reads and writes.
  private let itemReads: [[Span]]
  private let itemWrites: [[Span]]

  init(_ builder: GroupBuilder, _ views: Views) {
    extent = builder.extent
    stores = builder.stores
    sums = builder.sums.values.sorted { $0.value < $1.value }
    sources = builder.sources
    viewBuffers = builder.viewBuffers
    uniforms = builder.uniforms
    isReduction = Self.reduces(builder, views)
    let stored = Set(builder.stores.map(\.value)).union(builder.sums.keys)
    guarded = GroupGuard(builder.operations, stored: stored, views)
    functions = GroupFunctions(builder.operations, guarded: guarded, stored: stored, views)
    if isReduction || Self.waits(builder, views.function) {
      width = .all
    } else {
      width = guarded == nil && Self.looksUp(builder) ? .withShortVectors : .none
    }
    let tail = width == .all || guarded != nil ? nil : GroupTail(builder.operations, views)
    self.tail = tail
    if let guarded {
      let parts = guarded.parts(of: builder.operations, views)
      operations = parts.before + parts.guarded + parts.after
    } else {
      let last = builder.operations.filter { tail?.results.contains($0.result) == true }
      operations = builder.operations.filter { tail?.results.contains($0.result) != true } + last
    }
    itemReads = (0..<builder.extent).map { item in
      builder.reads.flatMap { Span.runs(of: $0.items[item], in: $0.buffer) }
    }
    let sumSpans = sums.map { Span($0.buffer) }
    let stores = stores
    itemWrites = (0..<builder.extent).map { item in
      stores.flatMap { store in
        let inner = store.map.count / builder.extent
        let targets = store.map[item * inner..<(item + 1) * inner].filter { $0 >= 0 }
        return Span.runs(of: targets, in: store.buffer)
      } + sumSpans
    }
  }

  /// Whether the items of a group wait for functions whose chains of instructions are long, such as erfc: a
  /// processor looks ahead less far than two evaluations of them, so that it is given several vectors at once.
  /// The instructions of shorter functions follow each other closely enough.
  private static func waits(_ builder: GroupBuilder, _ function: Function) -> Bool {
    let counts = builder.operations.map { operation -> Int in
      guard case .unary(let unary) = operation.opcode, hasLongChain(unary) else { return 0 }
      let count = function.type(of: operation.result).elementCount / builder.extent
      return count > 1 ? count : 0
    }
    return counts.reduce(0, +) >= leastLong
  }

  /// Whether each item takes many instructions and looks numbers up, as splines do: almost all that it computes
  /// stands in one chain then, from the places of the knots to the number that is looked up and on. It fits in 32
  /// registers; with sixteen, several vectors take less time side by side, unless much of it is stored.
  private static func looksUp(_ builder: GroupBuilder) -> Bool {
    builder.extent > 1 && builder.isLong && builder.stores.count <= mostStores
      && builder.operations.contains { operation in
        if case .search = operation.opcode { true } else { false }
      }
  }

  private static func hasLongChain(_ function: UnaryOperator) -> Bool {
    switch function {
    case .erf, .erfc, .log1p: true
    case .negate, .absolute, .sign, .reciprocal, .square, .sqrt, .rsqrt, .exp, .expm1, .log, .sin,
      .cos, .asin, .tanh, .sigmoid, .softplus, .logSigmoid, .relu, .elu, .floor, .isNaN, .isFinite,
      .not:
      false
    }
  }

  /// Whether all operations of a group are reductions over its items, of values that others have stored. The items of
  /// one vector wait for each other, so that a tile's vectors go side by side.
  private static func reduces(_ builder: GroupBuilder, _ views: Views) -> Bool {
    builder.extent >= leastReduced && builder.stores.isEmpty
      && builder.operations.allSatisfy { operation in
        builder.sums[operation.result] != nil && views.type(of: operation.result).dtype.isFloat
          && views.type(of: operation.result).elementCount == 1
          && views.whole(operation.operands[0]) != nil
      }
  }

  /// The fewest items for which accumulators in registers are worth a loop of their own.
  private static let leastReduced = 16
  /// The fewest evaluations of functions with long chains for which an item is worked on with wide vectors.
  private static let leastLong = 6

  /// The most values that a group of lookups stores and is still worked on with wide vectors.
  private static let mostStores = 4

  var items: Int { extent }
  func reads(of item: Int) -> [Span] { itemReads[item] }
  func writes(of item: Int) -> [Span] { itemWrites[item] }
  var accumulators: [Accumulator] {
    sums.map { Accumulator(buffer: $0.buffer, start: $0.identity) }
  }
  func stepped(_ ready: Readiness) -> Stepped? { steppedByItem(ready) }

  func label(_ function: Function) -> String {
    "group of \(extent), \(operations.count) operations"
  }

  func cost(_ views: Views, on set: InstructionSet) -> NodeCost {
    var cost = NodeCost()
    cost.add(
      operations.filter { guarded?.results.contains($0.result) != true },
      kept: Set(stores.map(\.value)).union(sums.map(\.value)), views, on: set)
    return cost
  }

  private func names(_ operations: some Sequence<TensorOperation>) -> String {
    operations.map(\.opcode.name).joined(separator: " ")
  }

  private var widthText: String {
    switch width {
    case .none: ""
    case .withShortVectors: ", wide vectors with AVX2"
    case .all: ", wide vectors"
    }
  }

  func summary(_ text: NodeText) -> String {
    let names: String
    if let guarded,
      let first = operations.firstIndex(where: { guarded.results.contains($0.result) })
    {
      let rest = operations[first...].drop { guarded.results.contains($0.result) }
      let part = operations[first..<rest.startIndex]
      names =
        "\(self.names(operations[..<first])) if needed (\(self.names(part))) \(self.names(rest))"
    } else {
      let last = tail?.results.count ?? 0
      names =
        self.names(operations.dropLast(last))
        + (last == 0 ? "" : " then \(self.names(operations.suffix(last)))")
    }
    let stores = stores.map { text.place($0.buffer) }.joined(separator: " ")
    let sums = sums.map { text.place($0.buffer) }.joined(separator: " ")
    return "group of \(extent): \(names)" + (stores.isEmpty ? "" : " -> \(stores)")
      + (sums.isEmpty ? "" : " sums \(sums)") + widthText
      + (functions.sumsNormalNumbers ? ", sums of normal numbers" : "")
      + RangedFunction.allCases.filter(functions.ranged.contains).map { ", \($0.text)" }.joined()
  }
}

/// A group that operations still join, and whose values later nodes still ask to be stored.
final class GroupBuilder {
  let extent: Int
  private(set) var operations: [TensorOperation] = []
  /// What the operations up to each are and which of the group's values they read: the same in groups that do the
  /// same; and what they cost.
  private(set) var prefixes: [(shape: Int, cost: NodeCost)] = []
  var stores: [GroupNode.Store] = []
  var sums: [Value: GroupNode.Sum] = [:]
  var sources: [Value: Buffer] = [:]
  var viewBuffers: [Value: Buffer] = [:]
  /// The elements of buffers that each item of the loop reads.
  var reads: [(buffer: Buffer, items: [[Int]])] = []
  var uniforms: [Value] = []

  init(extent: Int) { self.extent = extent }

  /// What all operations are.
  var shape: Int { prefixes.last?.shape ?? 0 }

  func append(_ operation: TensorOperation, _ views: Views) {
    var hasher = Hasher()
    hasher.combine(shape)
    hasher.combine(operation.opcode)
    for operand in operation.operands {
      hasher.combine(views.type(of: operand))
      let source = views.elements(of: operand).first?.source
      hasher.combine(operations.firstIndex { $0.results.first == source })
      hasher.combine(views.splat(of: operand))
    }
    var cost = prefixes.last?.cost ?? NodeCost()
    cost.add(operation, views.function)
    prefixes.append((hasher.finalize(), cost))
    operations.append(operation)
  }

  /// Whether an item takes so many instructions that its code is worth sharing, and passing values through memory
  /// costs nothing beside them.
  var isLong: Bool { isLong(prefixes.last?.cost ?? NodeCost()) }

  func isLong(_ cost: NodeCost) -> Bool { cost.instructions >= Self.leastLong * extent }

  private static let leastLong = 200
}
