/// Limits on what a text may ask for, so that the memory it takes is bounded by its length.
struct TextBudget {
  /// Entries of masks.
  private(set) var maskEntries: Int
  /// Elements of lists that are written as ranges.
  private(set) var rangeElements: Int
  /// Elements of the results of a function's operations.
  private(set) var resultElements = 0
  private let limits: (mask: Int, range: Int)
  private var resultLimit = 0

  init(bytes: Int) {
    limits = (mask: (1 << 24) + 4 * bytes, range: (1 << 20) + bytes)
    maskEntries = limits.mask
    rangeElements = limits.range
  }

  /// Begins a function whose arguments have this many elements in total.
  mutating func beginFunction(argumentElements: Int) {
    resultLimit = Size.sum([1 << 22, Size.product([64, argumentElements])])
    resultElements = resultLimit
  }

  /// Counts a mask; returns what is wrong if the limit is exceeded.
  mutating func takeMask(_ entries: Int) -> String? {
    maskEntries -= Swift.min(entries, limits.mask + 1)
    if maskEntries >= 0 { return nil }
    return "the masks of a text of this length may have \(limits.mask) entries together"
  }

  /// Counts a range; returns what is wrong if the limit is exceeded.
  mutating func takeRange(_ elements: Int) -> String? {
    rangeElements -= Swift.min(elements, limits.range + 1)
    if rangeElements >= 0 { return nil }
    return "the ranges of a text of this length may have \(limits.range) elements together"
  }

  /// Counts a result; returns what is wrong if the limit is exceeded.
  mutating func takeResult(_ elements: Int) -> String? {
    resultElements -= Swift.min(elements, Size.maximumElements)
    if resultElements >= 0 { return nil }
    return
      "the results of these operations may have \(resultLimit) elements together: \(1 << 22), and 64 "
      + "for each element of an argument"
  }
}
