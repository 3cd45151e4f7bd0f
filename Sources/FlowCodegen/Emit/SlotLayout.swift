/// Where the sums of a row phase lie in a slot.
struct SlotLayout {
  /// The offset of each reduction, in doubles for sums and in reals for weight gradients.
  var offsets: [Int] = []
  var reals = 0
  /// The reals of each weight gradient; nil for sums.
  var ranges: [Range<Int>?] = []
  var doubles = 0

  var isEmpty: Bool { offsets.isEmpty }

  init(_ phase: RowPhase) {
    for reduction in phase.reductions {
      switch reduction.kind {
      case .rowSum:
        offsets.append(doubles)
        ranges.append(nil)
        doubles += (reduction.elements + 7) / 8 * 8
      case .weightGradient:
        offsets.append(reals)
        ranges.append(reals..<reals + reduction.elements)
        reals += (reduction.elements + 15) / 16 * 16
      }
    }
  }
}
