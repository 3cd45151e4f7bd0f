import FlowCodegen
import FlowRuntime

/// Samples within a box.
public struct RestrictedDraw<Scalar: FlowScalar>: Sendable {
  /// The samples, one a row; NaN for a row that found none.
  public let x: Rows<Scalar>
  /// The log-density of each under the flow itself. Less the logarithm of the box's probability for its
  /// context it is that within the box.
  public let flowLogProb: [Scalar]
  /// How many candidates were drawn for each row until one was inside; 0 for a row that found none.
  public let draws: [Int]
  /// The rows that found none: all their candidates were outside, or their context is not finite.
  public var missing: [Int] { draws.indices.filter { draws[$0] == 0 } }
}

extension RestrictedFlow {
  /// Draws rows within the box.
  ///
  /// - Parameters:
  ///   - count: how many rows.
  ///   - context: one row for each, or one that all share, or another divisor of their number.
  ///   - seed: decides the sample.
  ///   - firstRow: the number of the first row in the sample; less than 2^40 with `count`.
  ///   - threads: how many threads to use; one per processor if nil.
  /// - Throws: `RuntimeError` for contexts that do not fit, or if `sample` can't be compiled.
  public func sample(
    _ count: Int, context: Rows<Scalar>? = nil, seed: UInt64, firstRow: Int = 0,
    threads: Int? = nil
  ) throws(RuntimeError) -> RestrictedDraw<Scalar> {
    let group = count > 0 ? try rowsPerContext(context, rows: count) : 0
    return try sample(
      count, context?.values ?? [], rowsPerContext: group, seed: seed, firstRow: firstRow, threads)
  }

  /// Draws `count` rows within the box for each of several contexts: those of the first one, then those of
  /// the second.
  ///
  /// - Throws: `RuntimeError` for contexts that do not fit, or if `sample` can't be compiled.
  public func sample(
    _ count: Int, forEach contexts: Rows<Scalar>, seed: UInt64, firstRow: Int = 0,
    threads: Int? = nil
  ) throws(RuntimeError) -> RestrictedDraw<Scalar> {
    let (rows, overflows) = max(count, 0).multipliedReportingOverflow(by: contexts.count)
    guard !overflows else {
      throw .callFailed(
        "\(count) rows for each of \(contexts.count) contexts can't be drawn at once")
    }
    if rows > 0 { _ = try rowsPerContext(contexts, rows: rows) }
    return try sample(
      rows, contexts.values, rowsPerContext: max(count, 1), seed: seed, firstRow: firstRow,
      threads)
  }

  private func sample(
    _ count: Int, _ context: [Scalar], rowsPerContext: Int, seed: UInt64, firstRow: Int,
    _ threads: Int?
  ) throws(RuntimeError) -> RestrictedDraw<Scalar> {
    let most = 1 << ArtifactSource.candidateShift
    guard count >= 0, firstRow >= 0, count <= most, firstRow <= most - count,
      count <= Int.max / 32 / flow.features
    else {
      throw .callFailed(
        "\(count) rows from number \(firstRow) on, expected some of the first 2^40; draw parts with "
          + "firstRow")
    }
    var drawn = BlockDraw(
      self, context, rowsPerContext: rowsPerContext, seed: seed, threads: threads, count: count)
    for start in stride(from: 0, to: count, by: blockSize) {
      try drawn.fill(start..<min(start + blockSize, count), firstRow: firstRow)
    }
    return RestrictedDraw(
      x: Rows(drawn.x, columns: flow.features), flowLogProb: drawn.logProb, draws: drawn.draws)
  }

  /// How many rows are drawn in one go.
  var blockSize: Int { max(1024, min(16384, (1 << 22) / (flow.features + flow.context))) }

  /// Memory for a block of rows.
  func block(_ count: Int) -> (x: [Scalar], logProb: [Scalar]) {
    (
      [Scalar](repeating: 0, count: count * flow.features), [Scalar](repeating: 0, count: count)
    )
  }

  /// Draws rows of given numbers into the start of a block.
  func draw(
    _ seed: UInt64, _ numbers: [Int64], count: Int, _ context: [Scalar], rowsPerContext: Int,
    _ threads: Int?, into x: inout [Scalar], _ logProb: inout [Scalar]
  ) throws(RuntimeError) {
    guard threads ?? 1 > 0 else { throw .callFailed("\(threads ?? 0) threads; use 1 or more") }
    try numbers.withUnsafeBufferPointer { (numbers) throws(RuntimeError) in
      try context.withUnsafeBufferPointer { (context) throws(RuntimeError) in
        try x.withUnsafeMutableBufferPointer { (x) throws(RuntimeError) in
          try logProb.withUnsafeMutableBufferPointer { (logProb) throws(RuntimeError) in
            guard count > 0, let numbers = numbers.baseAddress, let x = x.baseAddress,
              let logProb = logProb.baseAddress
            else { return }
            try flow.backend.draw(
              RowDraw(
                seed: seed, numbers: numbers, rows: count,
                context: context.baseAddress.map { UnsafeRawPointer($0) },
                rowsPerContext: rowsPerContext, threads: threads, x: UnsafeMutableRawPointer(x),
                logProb: UnsafeMutableRawPointer(logProb)))
          }
        }
      }
    }
  }
}
