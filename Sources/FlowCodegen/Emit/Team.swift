/// Which thread writes what, so that barriers stand only where a thread reads another's work.
///
/// A call runs in one parallel region. Every thread runs the same statements, which do their own part
/// of the work, by `thread` and `threads`.
///
/// The elements of all values that are made between two barriers stand in one line, of which each
/// thread has one piece: what it writes lies together, so that hardly a cache line goes from one
/// processor to another, neither for a write nor because a prefetcher ran on. Values that are made of
/// others element by element have those' places.
struct Team {
  /// A place in the line of elements after a barrier.
  struct Place: Hashable {
    let line: Int
    let offset: Int

    /// Where the first thread's piece starts.
    static let start = Place(line: 0, offset: 0)
  }

  /// How the elements of a value are shared out.
  enum Share: Hashable {
    /// The thread that has a place writes all.
    case one(Place)
    /// Each thread writes those of its piece, for so many from a place on.
    case part(Place, count: Int)
    /// In some other way.
    case other

    /// Whether one thread writes all.
    var isOne: Bool { if case .one = self { true } else { false } }
  }

  /// What was written since the last barrier.
  private var written: [UniformPlan.Location: Share] = [:]
  /// What was written at all.
  private var made: [UniformPlan.Location: Share] = [:]
  /// The length of each line.
  private var lengths = [0]
  /// Values of fewer elements are left to one thread.
  static let smallest = 256

  /// How threads share a new value.
  mutating func next(_ count: Int) -> Share {
    let last = lengths.count - 1
    let place = Place(line: last, offset: lengths[last])
    // Whole cache lines, whatever the float type.
    lengths[last] += (count + 15) / 16 * 16
    return count < Self.smallest ? .one(place) : .part(place, count: count)
  }

  /// How threads share what is made element by element of these values: as one of those; else few
  /// elements are the first thread's.
  mutating func share(_ count: Int, like locations: [UniformPlan.Location]) -> Share {
    for location in locations {
      switch made[location] {
      case .one(let place) where count < Self.smallest: return .one(place)
      case .part(let place, count) where count >= Self.smallest: return .part(place, count: count)
      default: continue
      }
    }
    return count < Self.smallest ? .one(.start) : next(count)
  }

  /// The thread that has written one of these values, so that it need not wait to read it; else the
  /// first.
  func writer(of locations: [UniformPlan.Location]) -> Place {
    for location in locations {
      if case .one(let place)? = written[location] { return place }
    }
    return .start
  }

  /// The start of a block in which a thread's elements of `count` are [begin, end).
  static func begin(_ share: Share, count: Int) -> [String] {
    switch share {
    case .one(let place): return [only(place), "const int64_t begin = 0, end = \(count);"]
    case .part(let place, let count):
      let ends = ["from", "to"].map {
        "fk_cut(\($0)_\(place.line) - \(place.offset), \(count))"
      }
      return ["{", "const int64_t begin = \(ends[0]), end = \(ends[1]);"]
    case .other:
      return [
        "{",
        "const int64_t begin = fk_cut(\(count) * (int64_t)thread / threads, \(count));",
        "const int64_t end = fk_cut(\(count) * (int64_t)(thread + 1) / threads, \(count));",
      ]
    }
  }

  /// The start of a block that the thread with a place runs.
  static func only(_ place: Place) -> String {
    place == .start
      ? "if (thread == 0) {"
      : "if (\(place.offset) >= from_\(place.line) && \(place.offset) < to_\(place.line)) {"
  }

  /// The ends of a thread's piece of each line, which stand before the statements that use them.
  var lines: [String] {
    lengths.enumerated().filter { $1 > 0 }.map { line, length in
      "const int64_t from_\(line) = \(length) * (int64_t)thread / threads, "
        + "to_\(line) = \(length) * (int64_t)(thread + 1) / threads;"
    }
  }

  /// A barrier, if a reader with this share needs one before it reads values, some element by
  /// element, some as a whole.
  mutating func before(
    _ share: Share, elementwise: [UniformPlan.Location], whole: [UniformPlan.Location]
  ) -> [String] {
    let foreign =
      elementwise.contains { written[$0].map { $0 != share || share == .other } ?? false }
      || whole.contains { written[$0].map { $0 != share || !share.isOne } ?? false }
    return foreign ? barrier() : []
  }

  mutating func wrote(_ location: UniformPlan.Location, _ share: Share) {
    written[location] = share
    made[location] = share
  }

  /// A barrier, if anything was written since the last.
  mutating func barrier() -> [String] {
    if written.isEmpty { return [] }
    written = [:]
    lengths.append(0)
    return ["if (threads > 1) {", "#pragma omp barrier", "}"]
  }

  /// The statements that run a function in all threads; its last arguments are the thread's number
  /// and the number of threads.
  static func call(_ function: String, _ arguments: String) -> [String] {
    [
      "if (threads <= 1) \(function)(\(arguments), 0, 1);", "else {",
      "#pragma omp parallel num_threads(threads)",
      "\(function)(\(arguments), fk_thread(), fk_threads());", "}",
    ]
  }
}
