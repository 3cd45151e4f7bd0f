/// A row value's elements in a thread's scratch memory, for one tile.
struct Buffer: Hashable {
  /// Unique within the function.
  let id: Int
  let elements: Int
  /// What it holds, for people who read a message.
  let name: String

  static func == (left: Buffer, right: Buffer) -> Bool { left.id == right.id }
  func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
