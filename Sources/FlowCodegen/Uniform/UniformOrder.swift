import FlowIR

/// The order of a program's uniform operations: which run at which level, and which values need
/// memory.
struct UniformOrder {
  /// The operations to run, by level, in order.
  private(set) var operations: [[TensorOperation]]
  /// The values that need memory, in the order of their operations, each with its level.
  private(set) var stored: [(value: Value, level: Int)] = []
  /// For a value that lies where another does, since it has the same elements, that other.
  private(set) var shared: [Value: Value] = [:]

  init(_ views: Views, _ schedule: Schedule, _ demand: UniformDemand, _ gradients: GradientOrders) {
    let function = views.function
    let top = (demand.needed.map { schedule.level(of: $0) }.max() ?? 0) + 1
    operations = Array(repeating: [], count: max(top, 2))
    // A uniform value of a region depends on nothing that the region is given, so it is computed
    // before the rows like any other.
    let all = function.operations.regionsFirst
    let sunk = Self.sunkLevels(all, views, schedule, demand)
    let results = Set(function.results.map(\.value))
    let made = gradients.targets
    var placed = Set(function.arguments.map(\.value))
    for operation in all {
      guard operation.results.contains(where: { demand.needed.contains($0) }) else { continue }
      if !operation.regions.isEmpty {
        // The sums over rows that are made beside row values.
        for value in operation.results
        where demand.needed.contains(value) && !function.type(of: value).hasRows {
          stored.append((value, schedule.level(of: value)))
          placed.insert(value)
        }
        continue
      }
      guard let value = operation.results.first, !function.type(of: value).hasRows,
        !gradients.bypassed.contains(value)
      else { continue }
      let level = sunk[value] ?? schedule.level(of: value)
      stored.append((value, level))
      placed.insert(value)
      if case .constant = operation.opcode { continue }
      if case .reshape = operation.opcode, level == 0 || !results.contains(value),
        placed.contains(operation.operands[0])
      {
        shared[value] = shared[operation.operands[0]] ?? operation.operands[0]
        continue
      }
      if !operation.sumsRows, !made.contains(value) { operations[level].append(operation) }
    }
  }

  /// The levels of pointwise operations that only later levels need: computed there, beside what
  /// reads them, they stay in registers. What parameters alone give stays where it is made once.
  private static func sunkLevels(
    _ operations: [TensorOperation], _ views: Views, _ schedule: Schedule, _ demand: UniformDemand
  ) -> [Value: Int] {
    var sunk: [Value: Int] = [:]
    var first: [Value: Int] = [:]
    for operation in operations.reversed() {
      guard operation.regions.isEmpty, let value = operation.results.first,
        demand.needed.contains(value), !views.type(of: value).hasRows
      else { continue }
      var level = schedule.level(of: value)
      if operation.opcode.isPointwise, level > 0, !demand.pinned.contains(value),
        let use = first[value]
      {
        level = max(level, use)
        sunk[value] = level
      }
      for operand in operation.operands {
        first[operand] = min(first[operand] ?? level, level)
        if let base = views.scalarBase(operand) { first[base] = min(first[base] ?? level, level) }
      }
    }
    return sunk
  }
}
