import FlowCodegen
import FlowRuntime

/// The rows of a restricted sample, drawn a block at a time: each block draws one candidate for every row,
/// and then more for the rows that have found none.
///
/// The C interface has the same in `NAME_sample_within`.
struct BlockDraw<Scalar: FlowScalar> {
  private let flow: RestrictedFlow<Scalar>
  private let context: [Scalar]
  private let rowsPerContext: Int
  private let seed: UInt64
  private let threads: Int?
  private let features: Int
  /// The samples.
  private(set) var x: [Scalar]
  /// Their log-densities under the flow itself.
  private(set) var logProb: [Scalar]
  /// How many candidates each row drew.
  private(set) var draws: [Int]

  init(
    _ flow: RestrictedFlow<Scalar>, _ context: [Scalar], rowsPerContext: Int, seed: UInt64,
    threads: Int?, count: Int
  ) {
    (self.flow, self.context, self.rowsPerContext) = (flow, context, rowsPerContext)
    (self.seed, self.threads, features) = (seed, threads, flow.flow.features)
    x = [Scalar](repeating: .nan, count: count * features)
    logProb = [Scalar](repeating: .nan, count: count)
    draws = [Int](repeating: 0, count: count)
  }

  /// The numbers of a row's context.
  private func context(of row: Int) -> ArraySlice<Scalar> {
    let size = flow.flow.context
    let index = rowsPerContext == 0 ? 0 : row / rowsPerContext
    return context[index * size..<(index + 1) * size]
  }

  /// How many candidates to draw for each of `open` rows: as many as fill a tile, or an eighth of those
  /// that a row needs by the share that was inside so far. What is drawn beyond the first one inside is
  /// thrown away and decides nothing.
  private static func tries(open: Int, hits: Int, drawn: Int, left: Int, block: Int) -> Int {
    let wanted = max((drawn + 1) / (8 * (hits + 1)), 64 / open)
    return max(1, min(wanted, block / open, left))
  }

  /// Draws some of the rows, at most a block of them.
  mutating func fill(_ rows: Range<Int>, firstRow: Int) throws(RuntimeError) {
    let size = max(flow.blockSize, rows.count)
    var (candidates, densities) = flow.block(size)
    var open = rows.filter { flow.flow.context == 0 || context(of: $0).allSatisfy(\.isFinite) }
    var (hits, drawn, first) = (0, 0, 0)
    while !open.isEmpty, first < flow.maxDraws {
      let tries =
        first == 0
        ? 1
        : Self.tries(
          open: open.count, hits: hits, drawn: drawn, left: flow.maxDraws - first, block: size)
      let numbers = open.flatMap { row in
        (0..<tries).map { Int64(firstRow + row + (first + $0) << ArtifactSource.candidateShift) }
      }
      let isShared = rowsPerContext == 0
      try flow.draw(
        seed, numbers, count: numbers.count,
        isShared ? context : open.flatMap { context(of: $0) },
        rowsPerContext: isShared ? 0 : tries, threads, into: &candidates, &densities)
      var left: [Int] = []
      for (index, row) in open.enumerated() {
        guard let hit = firstInside(candidates, index * tries..<(index + 1) * tries) else {
          left.append(row)
          drawn += tries
          continue
        }
        let tried = hit - index * tries + 1
        (hits, drawn) = (hits + 1, drawn + tried)
        for feature in 0..<features {
          x[row * features + feature] = candidates[hit * features + feature]
        }
        logProb[row] = densities[hit]
        draws[row] = first + tried
      }
      open = left
      first += tries
    }
  }

  /// The first of some candidates that is inside.
  private func firstInside(_ candidates: [Scalar], _ range: Range<Int>) -> Int? {
    candidates.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return nil }
      return range.first { flow.contains(base + $0 * features) }
    }
  }
}
