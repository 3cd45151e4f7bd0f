import FlowRuntime

extension Model {
  /// The flow, compiled with the current parameter values, restricted to a box. Of discrete features the box has the
  /// whole cells of the numbers inside.
  ///
  /// - Parameters:
  ///   - box: the bounds of each feature, infinite ones for none.
  ///   - scalar: the type that it computes in.
  ///   - maxDraws: the most candidates that are drawn for a row of a sample, 1 to 2^21.
  ///   - massDraws: how many samples the probability of the box is estimated from, for each context.
  ///   - massSeed: decides those samples.
  /// - Throws: `RuntimeError` if there is no compiler, for another number of bounds than of features, for numbers
  ///   out of range, or for a discrete feature without a number inside.
  public func restricted<Scalar: FlowScalar>(
    to box: Bounds, as scalar: Scalar.Type = Float.self, maxDraws: Int = 10_000,
    massDraws: Int = 100_000, massSeed: UInt64 = 0
  ) throws(RuntimeError) -> RestrictedFlow<Scalar> {
    let cells: Bounds
    do {
      cells = try box.wholeCells(of: box.lower.count == features ? discrete : [])
    } catch {
      throw .callFailed("\(error)")
    }
    return try compiled(scalar).restricted(
      to: cells, maxDraws: maxDraws, massDraws: massDraws, massSeed: massSeed)
  }
}

extension PrebuiltFlow {
  /// The flow, compiled with the current parameter values, restricted to a box. Of discrete features the box has the
  /// whole cells of the numbers inside.
  ///
  /// - Parameters:
  ///   - box: the bounds of each feature, infinite ones for none.
  ///   - scalar: the type that it computes in.
  ///   - maxDraws: the most candidates that are drawn for a row of a sample, 1 to 2^21.
  ///   - massDraws: how many samples the probability of the box is estimated from, for each context.
  ///   - massSeed: decides those samples.
  /// - Throws: `RuntimeError` if there is no compiler, for another number of bounds than of features, for numbers
  ///   out of range, or for a discrete feature without a number inside.
  public func restricted<Scalar: FlowScalar>(
    to box: Bounds, as scalar: Scalar.Type = Float.self, maxDraws: Int = 10_000,
    massDraws: Int = 100_000, massSeed: UInt64 = 0
  ) throws(RuntimeError) -> RestrictedFlow<Scalar> {
    try model.restricted(
      to: box, as: scalar, maxDraws: maxDraws, massDraws: massDraws, massSeed: massSeed)
  }
}
