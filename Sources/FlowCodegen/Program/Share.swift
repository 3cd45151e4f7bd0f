/// How the threads of a call share the elements that a step makes.
///
/// A call runs in one parallel region. Every thread runs the same steps, each its own share of them.
///
/// The elements of all values that are made between two barriers stand in one line, of which each
/// thread has one piece: what it writes lies together, so that hardly a cache line goes from one
/// processor to another, neither for a write nor because a prefetcher ran on. Values that are made of
/// others element by element have those' places.
enum Share: Hashable {
  /// A place in the line of elements after a barrier.
  struct Place: Hashable {
    let line: Int
    let offset: Int

    /// Where the first thread's piece starts.
    static let start = Place(line: 0, offset: 0)
  }

  /// The thread that has a place makes all.
  case one(Place)
  /// Each thread makes those of its piece, for so many from a place on.
  case piece(Place, count: Int)
  /// Equal parts, or whatever else the step's kernel does: nothing lies as in another step.
  case apart

  /// Values of fewer elements are left to one thread.
  static let smallest = 256

  /// Whether one thread makes all.
  var isOne: Bool {
    switch self {
    case .one: true
    case .piece, .apart: false
    }
  }
}
