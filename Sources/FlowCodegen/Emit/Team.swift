/// Which thread writes what, so that barriers stand only where a thread reads another's work.
///
/// A call runs in one parallel region. Every thread runs the same statements, which do their own part
/// of the work, by `thread` and `threads`.
struct Team {
  /// How the elements of a value are shared out.
  enum Share: Hashable {
    /// The first thread writes all.
    case first
    /// Each thread has a range of as many elements, the same for all values of that size.
    case even(Int)
    /// In some other way.
    case other
  }

  /// What was written since the last barrier.
  private var written: [UniformPlan.Location: Share] = [:]

  /// A barrier, if a reader with this share needs one before it reads values, some element by
  /// element, some as a whole.
  mutating func before(
    _ share: Share, elementwise: [UniformPlan.Location], whole: [UniformPlan.Location]
  ) -> [String] {
    let foreign =
      elementwise.contains { written[$0].map { $0 != share || share == .other } ?? false }
      || whole.contains { written[$0].map { $0 != .first || share != .first } ?? false }
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
