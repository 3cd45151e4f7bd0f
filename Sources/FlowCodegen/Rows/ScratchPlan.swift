/// The places of a row phase's buffers in a thread's scratch memory.
///
///     linear [x] -> [a], linear [a] -> [b], linear [b] -> [c]
///     each 16 elements, one after the other  →  a [0..<16], b [16..<32], c [0..<16]
///
/// Two buffers share memory if they are never live at once. Buffers are placed in order of size,
/// the largest first, each at the lowest offset that is free throughout its life.
struct ScratchPlan {
  /// The scratch memory that a tile needs, in tile elements.
  let elements: Int
  /// Where each buffer starts, in tile elements.
  private let offsets: [Buffer: Int]
  /// For buffers that share another's memory, that other.
  private let aliases: [Buffer: Buffer]
  /// The buffers that own memory, and from which node to which they are live.
  let lives: [Buffer: ClosedRange<Int>]

  init(nodes: [Node]) {
    let aliases = Self.aliases(nodes)
    let lives = Self.lives(nodes, aliases)
    var offsets: [Buffer: Int] = [:]
    var placed: [(buffer: Buffer, offset: Int, live: ClosedRange<Int>)] = []
    var total = 0
    let order = lives.sorted { ($0.key.elements, $1.key.id) > ($1.key.elements, $0.key.id) }
    for (buffer, live) in order {
      var offset = 0
      let neighbours = placed.filter { $0.live.overlaps(live) }.sorted { $0.offset < $1.offset }
      for other in neighbours {
        if other.offset >= offset + buffer.elements { break }
        offset = max(offset, other.offset + other.buffer.elements)
      }
      offsets[buffer] = offset
      total = max(total, offset + buffer.elements)
      placed.append((buffer, offset, live))
    }
    self.init(elements: total, offsets: offsets, aliases: aliases, lives: lives)
  }

  /// A plan from its parts, as tests of the verifier need it.
  init(
    elements: Int, offsets: [Buffer: Int], aliases: [Buffer: Buffer],
    lives: [Buffer: ClosedRange<Int>]
  ) {
    self.elements = elements
    self.offsets = offsets
    self.aliases = aliases
    self.lives = lives
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
    return start..<start + root(of: buffer).elements
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

  static func aliases(_ nodes: [Node]) -> [Buffer: Buffer] {
    var aliases: [Buffer: Buffer] = [:]
    for node in nodes.flatMap(\.all) {
      for (buffer, root) in node.body.aliases { aliases[buffer] = root }
    }
    return aliases
  }
}
