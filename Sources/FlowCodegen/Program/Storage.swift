import FlowIR

/// Where uniform values and packed weights lie.
struct Storage {
  /// A place; offsets are in numbers of the function's float type.
  enum Location: Hashable {
    case argument(Int)
    case result(Int)
    /// In the memory that `prepare` fills.
    case state(Int)
    /// In a call's own memory.
    case work(Int)
    /// A constant in the code.
    case table(Int)
  }

  /// All values and packs start at a multiple of so many numbers: whole cache lines, whatever the
  /// float type.
  static let alignment = 16

  /// The place of each uniform value.
  var locations: [Value: Location] = [:]
  /// The dense constants, by table number.
  var tables: [Literal] = []
  /// Working memory of operations that need some.
  var working: [Value: Location] = [:]
  /// The place of each pack.
  var packs: [Location] = []
  /// The place of each table of inverses.
  var inverses: [Location] = []
  /// The size of the memory that `prepare` fills.
  var stateElements = 0
  /// The size of the memory of a call, for uniform values.
  var workElements = 0

  /// A count rounded up to whole cache lines.
  static func rounded(_ elements: Int) -> Int {
    (elements + alignment - 1) / alignment * alignment
  }
}
