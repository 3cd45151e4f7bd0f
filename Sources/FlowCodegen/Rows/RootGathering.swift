import FlowIR

/// How the rows of a tile whose roots are not found yet gather in one vector.
///
///     4 vectors, x a row on its way:   . . x . | . . . . | x . . x | . x . .
///     rows trade places:               . . . . | . . . . | x x x x | . . . .
///
/// Only that vector is evaluated from then on; when the search ends, the rows go back. A row takes along
/// what is read in an evaluation and was not computed in it, and the state of its search. Searches whose
/// evaluations are not worth that evaluate the whole tile until its last row is done.
///
/// Of Zuko's default flows with 5 features, in float32 with 4 vectors of 16 rows, how many evaluations a
/// search takes: of the whole tile; of one vector once the rest fits in it, which is done here; of as many
/// vectors as the rest fits in; of the vectors in which a row is on its way; and of no row that is done:
///
/// | | tile | one | as many | in place | no row | rows that a vector pays for |
/// | --- | --- | --- | --- | --- | --- | --- |
/// | NAF | 4.09 | 3.53 | 3.42 | 3.75 | 3.23 | 25 |
/// | UNAF | 3.18 | 3.04 | 2.93 | 3.10 | 2.83 | 496 |
/// | SOSPF | 3.54 | 3.13 | 3.13 | 3.29 | 2.99 | 2 |
/// | BPF | 3.78 | 3.32 | 3.20 | 3.53 | 2.95 | 0 |
///
/// Sampling NAF takes 8 % less time with it (4 % in float64) and UNAF 5 % (8 %). SOSPF took 4 % more, though
/// it let at most 6 rows move, and BPF 2 % more, though no row moved and it only went on in the one
/// vector that was left: their evaluations are so short that looking for the rows costs as much, and one
/// vector of dependent instructions takes more than a quarter of the time of four. Two vectors of products
/// take two thirds of the time of four, and would save NAF and UNAF 1 % more.
struct RootGathering {
  /// What a row takes along, by the step of an enclosing incremental loop; one list outside one.
  let spans: [[Span]]
  /// The most elements that a row takes along in a step.
  let elements: Int
  /// How many rows a vector pays for that is evaluated no more.
  let rowsPerVector: Int

  /// The least of them for which rows gather: of 4 vectors, 3 are left by up to 16 rows.
  static let leastRowsPerVector = 6
  /// Instructions of a step of the search for one element.
  private static let stepInstructions = 90
  /// The instructions for a vector that take as long as an element that trades places, there and back.
  private static let tradeInstructions = 6
  /// The instructions that take as long as a division.
  private static let divisionInstructions = 8

  /// The gathering of a search whose elements are searched in steps; nil if it does not pay.
  init?(_ search: RootNode, _ instructions: Int?, steps: [Int]) {
    guard let instructions else { return nil }
    let spans = Self.taken(search, steps)
    let elements = spans.map { $0.reduce(0) { $0 + $1.elements.count } }.max() ?? 0
    let evaluation =
      instructions / max(Set(steps).count, 1)
      + Self.stepInstructions * search.items / max(Set(steps).count, 1)
    rowsPerVector = evaluation / max(elements * Self.tradeInstructions, 1)
    guard rowsPerVector >= Self.leastRowsPerVector else { return nil }
    (self.spans, self.elements) = (spans, elements)
  }

  /// Whether a node works on `width` rows of a tile and on nothing else, so that they may be those of any
  /// of its vectors.
  private static func canShift(_ body: any NodeBody) -> Bool {
    guard body.accumulators.isEmpty, body.isFunction else { return false }
    return body is GroupNode || body is LinearNode || body is QuadratureNode
  }

  /// The instructions of nodes for a vector of rows; nil if a node needs whole tiles.
  static func instructions(_ nodes: [Node], _ views: Views) -> Int? {
    var sum = 0
    for node in nodes {
      guard canShift(node.body), let inner = instructions(node.body.inner, views) else {
        return nil
      }
      let cost = node.body.cost(views, on: .planned)
      let times = (node.body as? QuadratureNode)?.count ?? 1
      sum += cost.flop / 2 + cost.instructions + divisionInstructions * cost.divisions
      sum += times * inner
    }
    return sum
  }

  /// What a row takes along in each step.
  private static func taken(_ search: RootNode, _ steps: [Int]) -> [[Span]] {
    let count = (steps.max() ?? 0) + 1
    // The panels of a layer load the same: what they load is taken apart once.
    var (loaded, written) = (
      [Set<Span>](repeating: [], count: count), [Set<Span>](repeating: [], count: count)
    )
    var prepared: Set<Span> = []
    for node in search.nodes.flatMap(\.all) {
      prepared.formUnion(node.body.prepares)
      for item in 0..<node.body.items {
        let step = node.itemSteps.isEmpty ? 0 : node.itemSteps[item]
        guard step < count else { continue }
        loaded[step].formUnion(node.body.loads(of: item))
        written[step].formUnion(node.body.writes(of: item))
      }
    }
    let state = [search.state, search.target] + search.working
    var taken = (0..<count).map { step in
      let computed = written[step].union(prepared)
      return Set(loaded[step].subtracting(computed).flatMap(single))
        .subtracting(computed.flatMap(single))
    }
    for (item, step) in steps.enumerated() {
      for buffer in state { taken[step].insert(Span(buffer, item..<item + 1)) }
    }
    return taken.map { spans in
      spans.sorted {
        ($0.buffer.id, $0.elements.lowerBound) < ($1.buffer.id, $1.elements.lowerBound)
      }
    }
  }

  private static func single(_ span: Span) -> [Span] {
    span.elements.map { Span(span.buffer, $0..<$0 + 1) }
  }

  /// The places of spans in scratch memory, in order and each once.
  static func places(of spans: [Span], in scratch: ScratchPlan) -> [Range<Int>] {
    let elements = Set(
      spans.flatMap { span in
        let start = scratch.range(of: span.buffer).lowerBound
        return span.elements.map { start + $0 }
      })
    var runs: [Range<Int>] = []
    for element in elements.sorted() {
      if let last = runs.last, last.upperBound == element {
        runs[runs.count - 1] = last.lowerBound..<element + 1
      } else {
        runs.append(element..<element + 1)
      }
    }
    return runs
  }

  /// Its part of the printed program.
  var summary: String { ", rows gather by \(elements) elements" }
}
