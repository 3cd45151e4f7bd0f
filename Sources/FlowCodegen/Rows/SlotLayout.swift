/// Where the sums of a row phase lie in a slot.
///
/// Rows are added up in a few slots, whose number depends on the rows alone, and the slots in order:
/// so a sum has the same bits at any number of threads.
struct SlotLayout {
  /// The offset of each reduction, in doubles for sums and in reals for weight gradients.
  private(set) var offsets: [Int] = []
  private(set) var reals = 0
  /// The reals of each weight gradient; nil for sums.
  private(set) var ranges: [Range<Int>?] = []
  private(set) var doubles = 0

  /// A cache line of doubles.
  static let doubleAlignment = 8

  var isEmpty: Bool { offsets.isEmpty }

  /// The size of a slot in numbers: a double takes as much as two of them at most.
  var elements: Int { reals + 2 * doubles }

  init(_ reductions: [RowReduction]) {
    for reduction in reductions {
      switch reduction.kind {
      case .rowSum:
        offsets.append(doubles)
        ranges.append(nil)
        let lines = (reduction.elements + Self.doubleAlignment - 1) / Self.doubleAlignment
        doubles += lines * Self.doubleAlignment
      case .weightGradient:
        offsets.append(reals)
        ranges.append(reals..<reals + reduction.elements)
        reals += Storage.rounded(reduction.elements)
      }
    }
  }
}
