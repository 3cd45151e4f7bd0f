import FlowCodegen
import FlowRuntime

/// Images of rows under a flow's transform, and the logarithms of its Jacobian's determinants.
public struct Transformed<Scalar: FlowScalar>: Sendable {
  /// The images: of the base for `transform`, of the data for `inverse`.
  public let rows: Rows<Scalar>
  /// log|det J| of each row.
  public let ladj: [Scalar]
}

/// Samples and their log-densities.
public struct Draw<Scalar: FlowScalar>: Sendable {
  /// The samples, one a row.
  public let x: Rows<Scalar>
  /// The log-density of each, in nats.
  public let logProb: [Scalar]
}

/// Log-densities and their gradients.
public struct LogProbGradient<Scalar: FlowScalar>: Sendable {
  /// The log-density of each row, in nats.
  public let logProb: [Scalar]
  /// Its gradient with respect to the row.
  public let x: Rows<Scalar>
  /// Its gradient with respect to the row's context, one for each row even if all share one; nil for a flow
  /// without context.
  public let context: Rows<Scalar>?
}

extension CompiledFlow {
  /// The log-density of each row, in nats.
  ///
  /// - Throws: `RuntimeError` for tables that do not fit, or if the function can't be compiled.
  public func logProb(
    _ x: Rows<Scalar>, context: Rows<Scalar>? = nil, threads: Int? = nil
  ) throws(RuntimeError) -> [Scalar] {
    var result = [Scalar](repeating: 0, count: x.count)
    try logProb(x, context: context, threads: threads, into: &result)
    return result
  }

  /// Writes the log-density of each row to an array, which must have one element for each row.
  public func logProb(
    _ x: Rows<Scalar>, context: Rows<Scalar>? = nil, threads: Int? = nil,
    into logProb: inout [Scalar]
  ) throws(RuntimeError) {
    try logProb.withUnsafeMutableBufferPointer { (buffer) throws(RuntimeError) in
      try call(.logProb, x, context, threads, into: [buffer])
    }
  }

  /// `z = f(x)` of each row, from data to the base, and log|det dz/dx|.
  public func transform(
    _ x: Rows<Scalar>, context: Rows<Scalar>? = nil, threads: Int? = nil
  ) throws(RuntimeError) -> Transformed<Scalar> {
    let (rows, ladj) = try pair(.transform, x, context, threads)
    return Transformed(rows: rows, ladj: ladj)
  }

  /// `x = f⁻¹(z)` of each row, from the base to data, and log|det dx/dz|.
  public func inverse(
    _ z: Rows<Scalar>, context: Rows<Scalar>? = nil, threads: Int? = nil
  ) throws(RuntimeError) -> Transformed<Scalar> {
    let (rows, ladj) = try pair(.inverse, z, context, threads)
    return Transformed(rows: rows, ladj: ladj)
  }

  /// Writes `z` and `ladj` to arrays, which must have the elements of all rows.
  public func transform(
    _ x: Rows<Scalar>, context: Rows<Scalar>? = nil, threads: Int? = nil, into z: inout [Scalar],
    ladj: inout [Scalar]
  ) throws(RuntimeError) {
    try into(&z, &ladj) { (z, ladj) throws(RuntimeError) in
      try call(
        .transform, x, context, threads, into: [z, ladj])
    }
  }

  /// Writes `x` and `ladj` to arrays, which must have the elements of all rows.
  public func inverse(
    _ z: Rows<Scalar>, context: Rows<Scalar>? = nil, threads: Int? = nil, into x: inout [Scalar],
    ladj: inout [Scalar]
  ) throws(RuntimeError) {
    try into(&x, &ladj) { (x, ladj) throws(RuntimeError) in
      try call(.inverse, z, context, threads, into: [x, ladj])
    }
  }

  /// Draws rows and gives their log-densities.
  ///
  /// Row i depends on the seed, its context and `firstRow + i` alone, so a sample may be drawn in parts, and is
  /// the same at any number of threads.
  ///
  /// - Parameters:
  ///   - count: how many rows.
  ///   - context: one row for each, or one that all share.
  ///   - seed: decides the sample.
  ///   - firstRow: the number of the first row in the sample.
  ///   - threads: how many threads to use; one per processor if nil.
  public func sample(
    _ count: Int, context: Rows<Scalar>? = nil, seed: UInt64, firstRow: Int = 0,
    threads: Int? = nil
  ) throws(RuntimeError) -> Draw<Scalar> {
    let (total, overflows) = max(count, 0).multipliedReportingOverflow(by: features)
    guard count >= 0, !overflows, total <= Int.max / 16 else {
      throw .callFailed("\(count) rows can't be drawn at once; draw parts with firstRow")
    }
    var x = [Scalar](repeating: 0, count: total)
    var logProb = [Scalar](repeating: 0, count: count)
    try sample(
      context: context, seed: seed, firstRow: firstRow, threads: threads, into: &x,
      logProb: &logProb)
    return Draw(x: Rows(x, columns: features), logProb: logProb)
  }

  /// Draws `count` rows for each of several contexts: those of the first one, then those of the second.
  ///
  /// The contexts are not repeated, and the rows are those of
  /// `sample(_:context:seed:firstRow:threads:)` with each context repeated `count` times.
  ///
  /// - Parameters:
  ///   - count: how many rows for each context.
  ///   - contexts: the contexts, one a row.
  ///   - seed: decides the sample.
  ///   - firstRow: the number of the first context's first row in the sample.
  ///   - threads: how many threads to use; one per processor if nil.
  public func sample(
    _ count: Int, forEach contexts: Rows<Scalar>, seed: UInt64, firstRow: Int = 0,
    threads: Int? = nil
  ) throws(RuntimeError) -> Draw<Scalar> {
    let (rows, overflows) = max(count, 0).multipliedReportingOverflow(by: contexts.count)
    guard count >= 0, !overflows, rows <= Int.max / 16 / features else {
      throw .callFailed(
        "\(count) rows for each of \(contexts.count) contexts can't be drawn at once; draw parts")
    }
    guard firstRow >= 0 else { throw .callFailed("the first row is \(firstRow); use 0 or more") }
    var x = [Scalar](repeating: 0, count: rows * features)
    var logProb = [Scalar](repeating: 0, count: rows)
    try into(&x, &logProb) { (x, logProb) throws(RuntimeError) in
      try call(
        .sample, x: nil, rows: rows, contexts, isGrouped: true, seed: seed, firstRow: firstRow,
        threads, into: [x, logProb])
    }
    return Draw(x: Rows(x, columns: features), logProb: logProb)
  }

  /// Draws rows into arrays: as many as `logProb` has elements.
  public func sample(
    context: Rows<Scalar>? = nil, seed: UInt64, firstRow: Int = 0, threads: Int? = nil,
    into x: inout [Scalar], logProb: inout [Scalar]
  ) throws(RuntimeError) {
    guard firstRow >= 0 else { throw .callFailed("the first row is \(firstRow); use 0 or more") }
    try into(&x, &logProb) { (x, logProb) throws(RuntimeError) in
      try call(
        .sample, x: nil, rows: logProb.count, context, seed: seed, firstRow: firstRow, threads,
        into: [x, logProb])
    }
  }

  /// The log-density of each row and its gradient with respect to the row and its context.
  public func logProbAndGradient(
    _ x: Rows<Scalar>, context: Rows<Scalar>? = nil, threads: Int? = nil
  ) throws(RuntimeError) -> LogProbGradient<Scalar> {
    var logProb = [Scalar](repeating: 0, count: x.count)
    var slope = [Scalar](repeating: 0, count: x.count * features)
    var contextSlope = [Scalar](repeating: 0, count: x.count * self.context)
    try logProbAndGradient(
      x, context: context, threads: threads, into: &logProb, gradient: &slope,
      contextGradient: &contextSlope)
    return LogProbGradient(
      logProb: logProb, x: Rows(slope, columns: features),
      context: self.context > 0 ? Rows(contextSlope, columns: self.context) : nil)
  }

  /// Writes log-densities and gradients to arrays, which must have the elements of all rows; the one for
  /// the context is empty for a flow without context.
  public func logProbAndGradient(
    _ x: Rows<Scalar>, context: Rows<Scalar>? = nil, threads: Int? = nil,
    into logProb: inout [Scalar], gradient: inout [Scalar], contextGradient: inout [Scalar]
  ) throws(RuntimeError) {
    let columns = self.context
    try contextGradient.withUnsafeMutableBufferPointer { (slope) throws(RuntimeError) in
      try into(&logProb, &gradient) { (logProb, gradient) throws(RuntimeError) in
        try call(
          .logProbGradient, x, context, threads,
          into: columns > 0 ? [logProb, gradient, slope] : [logProb, gradient])
      }
    }
  }

  private func pair(
    _ function: ArtifactFunction, _ x: Rows<Scalar>, _ context: Rows<Scalar>?,
    _ threads: Int?
  ) throws(RuntimeError) -> (Rows<Scalar>, [Scalar]) {
    var values = [Scalar](repeating: 0, count: x.count * features)
    var ladj = [Scalar](repeating: 0, count: x.count)
    try into(&values, &ladj) { (values, ladj) throws(RuntimeError) in
      try call(
        function, x, context, threads, into: [values, ladj])
    }
    return (Rows(values, columns: features), ladj)
  }

  private func into(
    _ first: inout [Scalar], _ second: inout [Scalar],
    _ body: (
      UnsafeMutableBufferPointer<Scalar>, UnsafeMutableBufferPointer<Scalar>
    ) throws(RuntimeError) -> Void
  ) throws(RuntimeError) {
    try first.withUnsafeMutableBufferPointer { (first) throws(RuntimeError) in
      try second.withUnsafeMutableBufferPointer { (second) throws(RuntimeError) in
        try body(first, second)
      }
    }
  }
}

/// One context that all rows share.
extension CompiledFlow {
  /// The log-density of each row, in nats.
  public func logProb(
    _ x: Rows<Scalar>, context: Row<Scalar>, threads: Int? = nil
  ) throws(RuntimeError) -> [Scalar] {
    try logProb(x, context: Rows(context), threads: threads)
  }

  /// Draws rows and gives their log-densities.
  public func sample(
    _ count: Int, context: Row<Scalar>, seed: UInt64, firstRow: Int = 0, threads: Int? = nil
  ) throws(RuntimeError) -> Draw<Scalar> {
    try sample(
      count, context: Rows(context), seed: seed, firstRow: firstRow, threads: threads)
  }
}
