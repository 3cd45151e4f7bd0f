import FlowIR

/// One piece of a tile's work: what it does, the part of the model that it came from, and, inside an
/// incremental inverse, when each of its items runs.
///
/// A reference type because the profile counts the time of each node by its identity; it never
/// changes once made.
final class Node {
  let body: any NodeBody
  let scope: Scope
  /// For each item, the step of the enclosing incremental loop in which it runs; empty outside one.
  let itemSteps: [Int]

  init(_ body: any NodeBody, scope: Scope, itemSteps: [Int] = []) {
    self.body = body
    self.scope = scope
    self.itemSteps = itemSteps
  }
}

extension Node {
  /// The node and all nodes within it, outer ones first.
  var all: [Node] { [self] + body.inner.flatMap(\.all) }
}

/// Consecutive elements of a buffer.
struct Span: Hashable {
  let buffer: Buffer
  let elements: Range<Int>

  init(_ buffer: Buffer, _ elements: Range<Int>) {
    self.buffer = buffer
    self.elements = elements
  }

  /// All elements of a buffer.
  init(_ buffer: Buffer) { self.init(buffer, 0..<buffer.elements) }

  /// The runs of consecutive elements among some, in the order given.
  static func runs(of elements: [Int], in buffer: Buffer) -> [Span] {
    var spans: [Span] = []
    for element in elements {
      if let last = spans.last, last.elements.upperBound == element {
        spans[spans.count - 1] = Span(buffer, last.elements.lowerBound..<element + 1)
      } else {
        spans.append(Span(buffer, element..<element + 1))
      }
    }
    return spans
  }
}

/// What a node does: the facts that lowering, storage, verifying and printing ask for.
///
/// A node's work falls into items (panels of a layer, iterations of a group, runs of a copy), which
/// may run in separate steps of an incremental inverse. A node may hold a loop over inner nodes; it
/// then reads, prepares what they read, runs them, takes what they leave, and writes.
protocol NodeBody {
  /// How many items the work falls into.
  var items: Int { get }
  /// What an item reads before any inner node runs.
  func reads(of item: Int) -> [Span]
  /// What an item loads: what it reads, and what a layer multiplies by zero.
  func loads(of item: Int) -> [Span]
  /// What an item has written when it is done.
  func writes(of item: Int) -> [Span]

  /// The nodes of the loop that this node is, if it is one.
  var inner: [Node] { get }
  /// What is written before the inner nodes run.
  var prepares: [Span] { get }
  /// What is read after the inner nodes have run.
  var takes: [Span] { get }
  /// Buffers that nothing outside this node reads or writes.
  var working: [Buffer] { get }
  /// Pairs of buffers that share memory: the first lies where the second does.
  var aliases: [(buffer: Buffer, root: Buffer)] { get }
  /// The buffers whose parts are used in turns of this loop, all in the same place.
  var folds: [Buffer: Fold] { get }

  /// The uniform values that it reads, packed weights aside.
  var uniforms: [Value] { get }
  /// The packed weights that it reads.
  var packs: [PackUse] { get }
  /// The tables of inverses that it reads, by number.
  var inverses: [Int] { get }
  /// Whether what it writes depends on nothing but what it reads, uniform values among it.
  var isFunction: Bool { get }
  /// The results of rows that it writes, by number.
  var results: [Int] { get }
  /// The reductions over rows that it adds to, by number.
  var reductions: [Int] { get }

  /// Whether a tile of few rows may leave all but its first vector alone. What sums over rows looks at
  /// whole tiles.
  var canBeNarrow: Bool { get }
  /// Where items add up what they make, and what that starts from.
  var accumulators: [Accumulator] { get }
  /// Buffers of which items may read elements that are not final, and multiply them by zero: what
  /// they hold must be finite.
  var multipliedByZero: [Buffer] { get }
  /// How often the inner nodes are called for each of their items to run once.
  var calls: Int { get }

  /// The node with its items assigned to the steps in which what they read is final; nil if its
  /// items can't run apart. What it writes becomes final in those steps.
  func stepped(_ ready: Readiness) -> Stepped?

  /// The first item that runs before what it reads is final, if the items run in these steps; what
  /// is written becomes final in those.
  func firstEarlyItem(_ steps: [Int], _ ready: Readiness) -> Int?

  /// The items of its inner nodes that run before what they read is final.
  func earlyReads(_ place: String) -> [Fault]

  /// What it is, in a few words.
  func label(_ function: Function) -> String
  /// What it does for one row, in the instructions of a set.
  func cost(_ views: Views, on set: InstructionSet) -> NodeCost
  /// Its line in the printed program, without its items' steps and its inner nodes.
  func summary(_ text: NodeText) -> String
  /// The bodies of its loop, for printing.
  var bodies: [[Node]] { get }

  /// Its work as C.
  func statements(_ node: Node, in printer: NodePrinter) -> [String]
}

/// Packed weights that a node reads, and the panels that it takes them to be in.
struct PackUse {
  /// The number of the pack.
  let pack: Int
  let layout: PanelLayout
}

/// A buffer that items add to, and the value that it starts from.
struct Accumulator {
  let buffer: Buffer
  let start: Double
}

/// A node's body with the step of each item.
struct Stepped {
  var body: any NodeBody
  var steps: [Int]
}

extension NodeBody {
  var items: Int { 1 }
  var inner: [Node] { bodies.flatMap { $0 } }
  var prepares: [Span] { [] }
  func loads(of item: Int) -> [Span] { reads(of: item) }
  var takes: [Span] { [] }
  var working: [Buffer] { [] }
  var aliases: [(buffer: Buffer, root: Buffer)] { [] }
  var folds: [Buffer: Fold] { [:] }
  var uniforms: [Value] { [] }
  var packs: [PackUse] { [] }
  var inverses: [Int] { [] }
  var isFunction: Bool { results.isEmpty }
  var results: [Int] { [] }
  var reductions: [Int] { [] }
  var canBeNarrow: Bool { true }
  var accumulators: [Accumulator] { [] }
  var multipliedByZero: [Buffer] { [] }
  var calls: Int { 1 }
  var bodies: [[Node]] { [] }
  func stepped(_ ready: Readiness) -> Stepped? { nil }
  func earlyReads(_ place: String) -> [Fault] { [] }

  /// What all items read.
  var reads: [Span] { (0..<items).flatMap { reads(of: $0) } }
  /// What all items write.
  var writes: [Span] { (0..<items).flatMap { writes(of: $0) } }

  /// The buffers that the node or a node within it uses.
  var touched: Set<Buffer> {
    var found = Set(working)
    for spans in [reads, writes, prepares, takes] { found.formUnion(spans.map(\.buffer)) }
    for node in inner { found.formUnion(node.body.touched) }
    return found
  }

  func firstEarlyItem(_ steps: [Int], _ ready: Readiness) -> Int? {
    var early: Int?
    for item in 0..<items {
      if early == nil, reads(of: item).contains(where: { ready.step(of: $0) > steps[item] }) {
        early = item
      }
      for span in writes(of: item) { ready.raise(span, to: steps[item]) }
    }
    return early
  }

  /// The steps of items that depend on nothing but what they read.
  func steppedByItem(_ ready: Readiness) -> Stepped {
    let steps = (0..<items).map { item in
      let step = reads(of: item).map { ready.step(of: $0) }.max() ?? 0
      for span in writes(of: item) { ready.raise(span, to: step) }
      return step
    }
    return Stepped(body: self, steps: steps)
  }
}
