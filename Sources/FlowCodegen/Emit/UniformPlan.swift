import FlowIR

/// Where uniform values lie and when they are computed.
struct UniformPlan {
  enum Location: Hashable {
    case argument(Int)
    case result(Int)
    /// Offset in reals, in the memory that `prepare` fills.
    case state(Int)
    /// Offset in reals, in a call's own memory.
    case work(Int)
    case table(Int)
  }

  private(set) var locations: [Value: Location] = [:]
  /// The operations to run, by level, in order.
  private(set) var operations: [[Operation]] = []
  /// The dense constants, by table number.
  private(set) var tables: [Literal] = []
  private(set) var packViews: [MatrixView] = []
  /// The elements that a pack's bias is read from.
  private(set) var biasViews: [(base: Value, indices: [Int])?] = []
  private(set) var packOffsets: [Location] = []
  private(set) var packLevels: [Int] = []
  /// Values that something beside uniform operations reads.
  private(set) var pinned: Set<Value> = []
  /// How many uniform operations read each value.
  private(set) var uses: [Value: Int] = [:]
  /// Weight gradients whose only use is to be put in their parameter's order.
  private(set) var sortedGradients: [Value: SortedGradient] = [:]
  /// Working memory of operations that need some.
  private(set) var scratch: [Value: Location] = [:]
  /// Results that are the next values of packed weights, by the argument's name: all threads read
  /// them in the next call, and none in this one.
  private(set) var sent: Set<Value> = []
  private(set) var stateElements = 0
  private(set) var workElements = 0

  /// For a value that lies where another does, since it has the same elements, that other.
  private var shared: [Value: Value] = [:]
  /// Values that are never stored, since only their gathered form is read.
  private var bypassed: Set<Value> = []
  let function: Function
  let context: LoweringContext
  private let levels: Levels

  init(_ program: TileProgram) {
    function = program.function
    context = program.context
    levels = program.levels
    var needed: Set<Value> = []
    var pending = context.uniformDemand.filter { value in
      !context.packs.contains { $0.weight == value || $0.bias == value }
    }
    for pack in context.packs {
      let view = matrixView(of: pack.weight, used: pack.mask)
      packViews.append(view)
      pending.append(view.base)
      let bias = pack.bias.map { vectorView(of: $0) }
      biasViews.append(bias)
      if let bias { pending.append(bias.base) }
    }
    // What else reads packed values directly asks for them on its own.
    pending += directDemand(program)
    pending += function.results.map(\.value).filter { !function.type(of: $0).hasRows }
    pinned = Set(pending)
    while let value = pending.popLast() {
      guard needed.insert(value).inserted, let definition = context.definitions[value.id] else {
        continue
      }
      if definition.sumsRows { continue }
      for operand in definition.operands {
        switch definition.opcode.isPointwise ? scalar(operand) : nil {
        case .constant: break
        case .value(let base): pending.append(base)
        case nil: pending.append(operand)
        }
      }
    }
    findSortedGradients(needed)
    place(needed, results: function.results)
    for operation in operations.joined() {
      for operand in operation.operands {
        uses[operand, default: 0] += 1
        if case .value(let base)? = scalar(operand) { uses[base, default: 0] += 1 }
        if let root = shared[operand] { uses[root, default: 0] += 1 }
      }
    }
    pinned.formUnion(pinned.compactMap { shared[$0] })
    for index in context.packs.indices {
      let level = max(
        levels[packViews[index].base], biasViews[index].map { levels[$0.base] } ?? 0)
      packLevels.append(level)
      packOffsets.append(allocate(context.packs[index].layout.packedCount, level: level))
    }
    let packed = Set(packViews.map(\.base) + biasViews.compactMap { $0?.base })
    let names = Set(function.arguments.filter { packed.contains($0.value) }.map(\.name))
    for (index, result) in function.results.enumerated()
    where names.contains(result.name) && locations[result.value] == .result(index)
      && uses[result.value, default: 0] == 0 && !packed.contains(result.value)
      && !context.uniformDemand.contains(result.value)
    {
      sent.insert(result.value)
    }
  }

  /// A value whose elements are all alike.
  enum Scalar {
    case constant(Double)
    /// A value with one element.
    case value(Value)
  }

  /// What all elements of a value equal, if that can be told without looking at each.
  func scalar(_ value: Value) -> Scalar? {
    guard let definition = context.definitions[value.id] else { return nil }
    switch definition.opcode {
    case .constant(let literal): return literal.splat.map { .constant($0) }
    case .broadcast, .reshape:
      let operand = definition.operands[0]
      if let inner = scalar(operand) { return inner }
      return function.type(of: operand).elementCount == 1 ? .value(operand) : nil
    default: return nil
    }
  }

  /// Uniform values that group code reads element by element.
  private func directDemand(_ program: TileProgram) -> [Value] {
    var found: [Value] = []
    func visit(_ nodes: [Node]) {
      for node in nodes {
        switch node.kind {
        case .group(let group):
          for operation in group.operations {
            for operand in operation.operands {
              var views = context.views
              found += views.elements(of: operand).compactMap(\.source).filter {
                !function.type(of: $0).hasRows
              }
            }
          }
        case .copy(let runs, _):
          for run in runs { if case .uniform(let value, _) = run.source { found.append(value) } }
        case .random(_, _, let seed, _): found.append(seed)
        case .solve(let solve):
          if case .uniform(let value) = solve.matrix { found.append(value) }
        case .steps, .root, .quadrature: visit(node.inner)
        case .loop(let loop): loop.bodies.forEach(visit)
        case .load, .linear, .weightGradient, .store, .rowSum: break
        }
      }
    }
    for phase in program.phases { visit(phase.nodes) }
    return Array(Set(found))
  }

  /// Finds gathers of a weight gradient, by rows, by columns or both, that nothing else reads.
  private mutating func findSortedGradients(_ needed: Set<Value>) {
    var readers: [Value: Int] = [:]
    for operation in function.operations {
      for operand in operation.inputs { readers[operand, default: 0] += 1 }
    }
    for result in function.results { readers[result.value, default: 0] += 1 }
    for operation in function.operations.reversed() {
      guard let value = operation.results.first, needed.contains(value), !bypassed.contains(value),
        let found = sortedGradient(operation, readers: readers)
      else { continue }
      sortedGradients[found.source] = SortedGradient(target: value, order: found.order)
      bypassed.formUnion(found.chain)
    }
  }

  private mutating func place(_ needed: Set<Value>, results: [Result]) {
    for (index, argument) in function.arguments.enumerated() {
      locations[argument.value] = .argument(index)
    }
    let top = (needed.map { levels[$0] }.max() ?? 0) + 1
    operations = Array(repeating: [], count: max(top, 2))
    let all = Self.flattened(function.operations)
    let sunk = sunkLevels(all, needed)
    for operation in all {
      guard operation.results.contains(where: { needed.contains($0) }) else { continue }
      if !operation.regions.isEmpty {
        // The sums over rows that are made beside row values.
        for value in operation.results
        where needed.contains(value) && !function.type(of: value).hasRows {
          if let index = results.firstIndex(where: { $0.value == value }) {
            locations[value] = .result(index)
          } else {
            locations[value] = allocate(
              function.type(of: value).elementCount, level: levels[value])
          }
        }
        continue
      }
      guard let value = operation.results.first, !function.type(of: value).hasRows,
        !bypassed.contains(value)
      else { continue }
      if case .constant(let literal) = operation.opcode {
        locations[value] = .table(tables.count)
        tables.append(literal)
        continue
      }
      let level = sunk[value] ?? levels[value]
      if case .matrixExponential = operation.opcode {
        // Six matrices of doubles, whatever the float type.
        scratch[value] = allocate(12 * function.type(of: value).elementCount, level: level)
      }
      if level > 0, let index = results.firstIndex(where: { $0.value == value }) {
        locations[value] = .result(index)
      } else if case .reshape = operation.opcode, let same = locations[operation.operands[0]] {
        locations[value] = same
        shared[value] = shared[operation.operands[0]] ?? operation.operands[0]
        continue
      } else {
        locations[value] = allocate(function.type(of: value).elementCount, level: level)
      }
      let isMade = sortedGradients.values.contains { $0.target == value }
      if !operation.sumsRows, !isMade { operations[level].append(operation) }
    }
  }

  /// The levels of pointwise operations that only later levels need: computed there, beside what
  /// reads them, they stay in registers. What parameters alone give stays where it is made once.
  private func sunkLevels(_ operations: [Operation], _ needed: Set<Value>) -> [Value: Int] {
    var sunk: [Value: Int] = [:]
    var first: [Value: Int] = [:]
    for operation in operations.reversed() {
      guard operation.regions.isEmpty, let value = operation.results.first, needed.contains(value),
        !function.type(of: value).hasRows
      else { continue }
      var level = levels[value]
      if operation.opcode.isPointwise, level > 0, !pinned.contains(value), let use = first[value] {
        level = max(level, use)
        sunk[value] = level
      }
      for operand in operation.operands {
        first[operand] = min(first[operand] ?? level, level)
        if case .value(let base)? = scalar(operand) {
          first[base] = min(first[base] ?? level, level)
        }
      }
    }
    return sunk
  }

  /// Operations with those of their regions before them: a uniform value of a region depends on
  /// nothing that the region is given, so it is computed before the rows like any other.
  private static func flattened(_ operations: [Operation]) -> [Operation] {
    operations.flatMap { operation in
      operation.regions.flatMap { flattened($0.operations) } + [operation]
    }
  }

  private mutating func allocate(_ elements: Int, level: Int) -> Location {
    // Whole cache lines, whatever the float type.
    let size = (elements + 15) / 16 * 16
    if level == 0 {
      defer { stateElements += size }
      return .state(stateElements)
    }
    defer { workElements += size }
    return .work(workElements)
  }
}
