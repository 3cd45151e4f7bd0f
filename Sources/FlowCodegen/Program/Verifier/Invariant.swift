/// What holds for every tile program; checked after lowering in debug builds and tests.
///
/// Steps, and the memory that threads share:
///
/// | | |
/// | --- | --- |
/// | `written` | what a step reads is an argument or a constant, or an earlier step has written it |
/// | `barrier` | between a write and a read of it by another thread stands a barrier |
/// | `once` | no two steps write the same place; each loop over rows runs once |
/// | `bounds` | every place lies within its memory; preparing touches neither work nor results |
/// | `alignment` | values and packs start on cache lines |
/// | `overlap` | values and packs lie apart, but for a reshape, which lies where its operand does |
/// | `share` | a thread's pieces lie within their line |
/// | `sums` | a reduction is added up once, after the barrier that follows its loop, within its own piece of a slot |
/// | `results` | every result is written |
///
/// The nodes of a loop over rows, and a thread's scratch memory:
///
/// | | |
/// | --- | --- |
/// | `read` | every element that a node reads has been written by a node before it, or by the loop around it |
/// | `span` | what a node reads and writes lies within the buffers |
/// | `scratch` | every buffer has a place within scratch memory |
/// | `live` | two buffers that are live together don't overlap |
/// | `final` | a step of an incremental inverse, and a turn, reads only what is final in it, and of folded buffers its part |
/// | `panels` | each output of a layer is in one panel, whose weights lie within the pack and whose inputs within the layer's |
enum Invariant: String, CaseIterable {
  case written, barrier, once, bounds, alignment, overlap, share, sums, results
  case read, span, scratch, live, final, panels
}

/// A place where a tile program breaks an invariant.
struct Fault: Hashable, CustomStringConvertible {
  let invariant: Invariant
  /// Where it is broken, and what was found there.
  let detail: String

  init(_ invariant: Invariant, _ detail: String) {
    self.invariant = invariant
    self.detail = detail
  }

  var description: String { "\(invariant.rawValue): \(detail)" }
}

extension TileProgram {
  /// Every place where the program breaks an invariant.
  func faults() -> [Fault] {
    storageFaults() + stepFaults() + sumFaults() + resultFaults()
      + phases.indices.flatMap { RowVerifier(phases[$0], number: $0).faults() }
      + panelFaults()
  }
}
