/// Which thread writes what, so that barriers stand only where a thread reads another's work.
///
/// A call runs in one parallel region. Every thread runs the same statements, which do their own part
/// of the work, by `thread` and `threads`.
struct Team {
  /// How the elements of a value are shared out.
  enum Share: Hashable {
    /// One thread writes all: that of this number, counted round the threads.
    case one(Int)
    /// Each thread has a range of as many elements, the same for all values of that size.
    case even(Int)
    /// In some other way.
    case other

    /// Whether one thread writes all.
    var isOne: Bool { if case .one = self { true } else { false } }
  }

  /// What was written since the last barrier.
  private var written: [UniformPlan.Location: Share] = [:]
  private var turn = 0

  /// The next thread in turn, for work that is too small to share: threads that wait long for one that
  /// does it all may lose their processor.
  mutating func next() -> Int {
    turn += 1
    return turn - 1
  }

  /// The start of a block that the thread of a number runs.
  static func only(_ number: Int) -> String {
    number == 0 ? "if (thread == 0) {" : "if (thread == \(number) % threads) {"
  }

  /// The thread that has written one of these values, so that it need not wait to read it; else the
  /// first.
  func writer(of locations: [UniformPlan.Location]) -> Int {
    for location in locations {
      if case .one(let number)? = written[location] { return number }
    }
    return 0
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
  }

  /// A barrier, if anything was written since the last.
  mutating func barrier() -> [String] {
    if written.isEmpty { return [] }
    written = [:]
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
