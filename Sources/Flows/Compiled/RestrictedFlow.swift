import FlowCodegen
import FlowRuntime

/// A flow restricted to a box: its density is 0 outside of it and larger inside, by the box's probability.
///
///     let within = try flow.restricted(to: Bounds(lower: [0, -.infinity], upper: [1, 5]))
///     let draw = try within.sample(1_000, seed: 1)            // all rows are inside
///     let mass = try within.mass()[0]                         // log P(box), and its standard error
///     let logProb = try within.logProb(x, mass: [mass])       // log p(x) - log P(box), -inf outside
///
/// Samples are drawn by rejection: row i is the first of its candidates that is inside. Candidate 0 is row
/// i of the flow's own sample with that seed, so that rows that are inside remain what they were. A row is a
/// function of the seed, its number and its context alone. Bounds belong to the box, and are rounded to the
/// type that the flow computes in.
public struct RestrictedFlow<Scalar: FlowScalar>: Sendable {
  /// The flow.
  public let flow: CompiledFlow<Scalar>
  /// The box.
  public let box: Bounds
  /// The most candidates that are drawn for a row; it is NaN if none of them is inside.
  public let maxDraws: Int
  /// How many samples the probability of the box is estimated from, for each context.
  public let massDraws: Int
  /// Decides the samples that the probability of the box is estimated from.
  public let massSeed: UInt64
  let lower: [Scalar]
  let upper: [Scalar]

  init(
    _ flow: CompiledFlow<Scalar>, box: Bounds, maxDraws: Int, massDraws: Int, massSeed: UInt64
  ) throws(RuntimeError) {
    guard box.lower.count == flow.features else {
      throw .shape(argument: "box", found: [box.lower.count], expected: [flow.features])
    }
    guard (1...ArtifactSource.mostCandidates).contains(maxDraws) else {
      throw .callFailed("maxDraws is \(maxDraws), expected 1 to \(ArtifactSource.mostCandidates)")
    }
    guard (1...1 << ArtifactSource.candidateShift).contains(massDraws) else {
      throw .callFailed("massDraws is \(massDraws), expected 1 to 2^40")
    }
    (self.flow, self.box, self.maxDraws) = (flow, box, maxDraws)
    (self.massDraws, self.massSeed) = (massDraws, massSeed)
    (lower, upper) = (box.lower.map { Scalar($0) }, box.upper.map { Scalar($0) })
  }

  /// Whether a row is in the box.
  func contains(_ row: UnsafePointer<Scalar>) -> Bool {
    lower.withUnsafeBufferPointer { lower in
      upper.withUnsafeBufferPointer { upper in
        lower.indices.allSatisfy { row[$0] >= lower[$0] && row[$0] <= upper[$0] }
      }
    }
  }

  /// How many consecutive rows each context serves: 0 if one serves all, or there is none.
  func rowsPerContext(
    _ context: Rows<Scalar>?, rows: Int
  ) throws(RuntimeError) -> Int {
    guard flow.context > 0 else {
      guard let context else { return 0 }
      throw .shape(argument: "context", found: [context.count, context.columns], expected: [])
    }
    guard let context else { throw .missingArgument("context") }
    guard context.columns == flow.context, context.count > 0, rows % context.count == 0 else {
      throw .shape(
        argument: "context", found: [context.count, context.columns],
        expected: [rows, flow.context])
    }
    return context.count == 1 ? 0 : rows / context.count
  }
}

extension CompiledFlow {
  /// The flow restricted to a box.
  ///
  /// - Parameters:
  ///   - box: the bounds of each feature, infinite ones for none.
  ///   - maxDraws: the most candidates that are drawn for a row of a sample, 1 to 2^21.
  ///   - massDraws: how many samples the probability of the box is estimated from, for each context.
  ///   - massSeed: decides those samples.
  /// - Throws: `RuntimeError` for another number of bounds than of features, or for numbers out of range.
  public func restricted(
    to box: Bounds, maxDraws: Int = 10_000, massDraws: Int = 100_000, massSeed: UInt64 = 0
  ) throws(RuntimeError) -> RestrictedFlow<Scalar> {
    try RestrictedFlow(
      self, box: box, maxDraws: maxDraws, massDraws: massDraws, massSeed: massSeed)
  }
}
