import FlowIR

/// Prints the nodes of a loop over rows.
struct NodePrinter {
  let program: TileProgram
  let phase: RowPhase
  let places: CPlaces
  let definitions: Definitions
  /// The numbers of the nodes whose time is measured, by their identity.
  let counters: [ObjectIdentifier: Int]
  /// The number of steps of the enclosing incremental loop; nil outside one.
  var steps: Int?
  /// The items that nodes run for, where not all do.
  var some: CItems?

  /// The printer for nodes whose items run in steps, or all at once.
  func within(steps: Int?) -> NodePrinter {
    var printer = self
    printer.steps = steps
    return printer
  }

  /// A pointer to a buffer's first element.
  func pointer(_ buffer: Buffer) -> String {
    guard let offset = phase.scratch.offset(of: buffer) else {
      preconditionFailure("buffer \(buffer.name) has no place")
    }
    if let fold = phase.scratch.folds[buffer] {
      return "s + (\(offset) - \(fold.elements(of: buffer)) * step) * FK_TILE"
    }
    return "s + \(offset) * FK_TILE"
  }

  /// A literal of the program's float type.
  func number(_ value: Double) -> String { Expressions.number(value, program.dtype) }

  func statements(_ nodes: [Node]) -> [String] { nodes.flatMap { statements($0) } }

  /// One node, with its counter if there is one.
  func statements(_ node: Node) -> [String] {
    timed(node, node.body.statements(node, in: self))
  }

  /// A node's work, with its counter if there is one; or a part of it, which is timed but counts as a call
  /// only if the node starts there.
  func timed(_ node: Node, _ work: [String], isStart: Bool = true) -> [String] {
    guard let index = counters[ObjectIdentifier(node)] else { return work }
    return ["{", "const uint64_t tick_\(index) = fk_ticks();"] + work
      + ["\(count(.ticks, index)) += fk_ticks() - tick_\(index);"]
      + (isStart ? ["\(count(.calls, index))++;"] : []) + ["}"]
  }

  /// A node's counter as C.
  func count(_ counter: CFile.Counter, _ node: Int) -> String {
    "fk_counts[\(counter.index(of: node))]"
  }

  /// Sets a buffer to the value that its sums start from.
  func clear(_ accumulator: Accumulator) -> String {
    KernelCall.fill(
      target: pointer(accumulator.buffer), value: Expressions.plain(accumulator.start),
      n: accumulator.buffer.elements
    ).statement
  }

  /// The items of the current step, for a kernel that takes them from a list of all, by step.
  func range(_ itemSteps: [Int], count: Int) -> (begin: String, end: String, order: [Int]?) {
    guard let steps else { return ("0", "\(count)", nil) }
    let order = itemSteps.indices.sorted { (itemSteps[$0], $0) < (itemSteps[$1], $1) }
    var starts = [Int](repeating: 0, count: steps + 1)
    for step in itemSteps { starts[step + 1] += 1 }
    for index in 0..<steps { starts[index + 1] += starts[index] }
    let name = definitions.table(starts)
    return ("\(name)[step]", "\(name)[step + 1]", order)
  }

  /// The items of the current step, for a kernel that takes their numbers.
  func items(_ itemSteps: [Int], count: Int) -> CItems {
    if let some { return some }
    let (begin, end, order) = range(itemSteps, count: count)
    return CItems(begin: begin, end: end, items: list(order))
  }

  /// A table of items, unless they are all in order.
  func list(_ order: [Int]?) -> String {
    order.map { $0 == Array($0.indices) ? CVariable.none : definitions.table($0) }
      ?? CVariable.none
  }
}
