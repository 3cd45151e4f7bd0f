/// How the threads of a call share the elements that a step makes.
///
/// A call runs in one parallel region. Every thread runs the same steps, each its own share of them.
///
/// The elements of all values that are made between two barriers stand in one line, of which each
/// thread has one piece. What a thread writes lies together, so that few cache lines move between
/// processors, whether for a write or for a prefetch. A value that is made from another element by
/// element takes the other's place in the line.
enum Share: Hashable {
  /// A place in the line of elements after a barrier.
  struct Place: Hashable {
    let line: Int
    let offset: Int

    /// Where the first thread's piece starts.
    static let start = Place(line: 0, offset: 0)
  }

  /// The thread whose piece contains a place makes all elements.
  case one(Place)
  /// Each thread makes the elements in its piece; there are `count`, from a place on.
  case piece(Place, count: Int)
  /// Split as the step's kernel likes, without regard to which thread another step gives an element.
  case apart

  /// Values with fewer elements than this are left to one thread.
  static let smallest = 256

  /// Whether one thread makes all.
  var isOne: Bool {
    switch self {
    case .one: true
    case .piece, .apart: false
    }
  }
}
