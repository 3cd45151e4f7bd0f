/// The places of a row phase's buffers in a thread's scratch memory.
///
///     linear [x] -> [a], linear [a] -> [b], linear [b] -> [c]
///     each 16 elements, one after the other  →  a [0..<16], b [16..<32], c [0..<16]
///
/// Two buffers share memory if they are never live at once. Buffers are placed in order of size,
/// the largest first, each at the lowest offset that is free throughout its life. Of a buffer whose parts are
/// used in turns only one part has memory, behind room for the others: the place of an element of turn t is
/// counted from t parts before it.
struct ScratchPlan {
  /// The scratch memory that a tile needs, in tile elements.
  let elements: Int
  /// Where each buffer starts, in tile elements.
  private let offsets: [Buffer: Int]
  /// For buffers that share another's memory, that other.
  private let aliases: [Buffer: Buffer]
  /// The buffers that own memory, and from which node to which they are live.
  let lives: [Buffer: ClosedRange<Int>]
  /// The buffers whose parts are used in turns.
  let folds: [Buffer: Fold]

  init(nodes: [Node]) {
    let aliases = Self.aliases(nodes)
    let lives = Self.lives(nodes, aliases)
    let folds = Self.folds(nodes)
    var offsets: [Buffer: Int] = [:]
    var placed: [(buffer: Buffer, offset: Int)] = []
    var total = 0
    func size(_ buffer: Buffer) -> Int { folds[buffer]?.elements(of: buffer) ?? buffer.elements }
    let order = lives.keys.sorted { (size($0), $1.id) > (size($1), $0.id) }
    for buffer in order {
      let count = size(buffer)
      var offset = buffer.elements - count
      let neighbours = placed.filter { Self.meet($0.buffer, buffer, lives, folds) }
        .sorted { $0.offset < $1.offset }
      for other in neighbours {
        if other.offset >= offset + count { break }
        offset = max(offset, other.offset + size(other.buffer))
      }
      offsets[buffer] = offset
      total = max(total, offset + count)
      placed.append((buffer, offset))
    }
    self.init(elements: total, offsets: offsets, aliases: aliases, lives: lives, folds: folds)
  }

  /// A plan from its parts, as tests of the verifier need it.
  init(
    elements: Int, offsets: [Buffer: Int], aliases: [Buffer: Buffer],
    lives: [Buffer: ClosedRange<Int>], folds: [Buffer: Fold] = [:]
  ) {
    self.elements = elements
    self.offsets = offsets
    self.aliases = aliases
    self.lives = lives
    self.folds = folds
  }

  /// The buffer that owns a buffer's memory.
  func root(of buffer: Buffer) -> Buffer {
    var buffer = buffer
    while let next = aliases[buffer] { buffer = next }
    return buffer
  }

  /// Where a buffer starts; nil if no node uses it.
  func offset(of buffer: Buffer) -> Int? { offsets[root(of: buffer)] }

  /// The elements of scratch memory that a buffer takes.
  func range(of buffer: Buffer) -> Range<Int> {
    let start = offset(of: buffer) ?? 0
    let root = root(of: buffer)
    return start..<start + (folds[root]?.elements(of: root) ?? root.elements)
  }

  /// From which node to which each buffer that owns memory is in use.
  static func lives(
    _ nodes: [Node], _ aliases: [Buffer: Buffer]
  ) -> [Buffer: ClosedRange<Int>] {
    var lives: [Buffer: ClosedRange<Int>] = [:]
    for (position, node) in nodes.enumerated() {
      for buffer in node.body.touched {
        var root = buffer
        while let next = aliases[root] { root = next }
        let live = lives[root] ?? position...position
        lives[root] = min(live.lowerBound, position)...max(live.upperBound, position)
      }
    }
    return lives
  }

  /// Whether two buffers that own memory are live at once: those that are folded in one loop may be live at
  /// different times of each turn.
  static func meet(
    _ one: Buffer, _ other: Buffer, _ lives: [Buffer: ClosedRange<Int>], _ folds: [Buffer: Fold]
  ) -> Bool {
    guard let first = lives[one], let second = lives[other], first.overlaps(second) else {
      return false
    }
    guard let inner = folds[one], let outer = folds[other] else { return true }
    return inner.live.overlaps(outer.live)
  }

  static func folds(_ nodes: [Node]) -> [Buffer: Fold] {
    nodes.reduce(into: [:]) { folds, node in
      folds.merge(node.body.folds) { first, _ in first }
    }
  }

  static func aliases(_ nodes: [Node]) -> [Buffer: Buffer] {
    var aliases: [Buffer: Buffer] = [:]
    for node in nodes.flatMap(\.all) {
      for (buffer, root) in node.body.aliases { aliases[buffer] = root }
    }
    return aliases
  }
}
