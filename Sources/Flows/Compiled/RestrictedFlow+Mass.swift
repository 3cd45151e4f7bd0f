import FlowCodegen
import FlowIR
import FlowRuntime

/// The probability of a box under a flow, from samples.
public struct BoxMass: Sendable, Hashable {
  /// How many samples were drawn.
  public let draws: Int
  /// How many of them were inside; nil if the context has a NaN or an infinity.
  public let inside: Int?

  /// The share that was inside; NaN for a context that is not finite.
  public var share: Double { inside.map { Double($0) / Double(draws) } ?? .nan }

  /// The logarithm of the share, the normalizing constant of densities in the box; -inf if no sample was
  /// inside.
  public var log: Double { logOf(share) }

  /// The standard error of the logarithm: √((1 - p) / (n p)) for a share p of n samples, where at least one
  /// sample counts as outside; infinite if no sample was inside.
  public var standardError: Double {
    guard let inside else { return .nan }
    return (Double(max(draws - inside, 1)) / (Double(inside) * Double(draws))).squareRoot()
  }
}

extension RestrictedFlow {
  /// The probability of the box for each context, in their order; one for a flow without context.
  ///
  /// Each is estimated from `massDraws` samples, whose random numbers are the same for all contexts, so that
  /// it is a function of the context and `massSeed`. A context that equals the one before is not sampled again.
  ///
  /// - Throws: `RuntimeError` for contexts that do not fit, or if `sample` can't be compiled.
  public func mass(
    context: Rows<Scalar>? = nil, threads: Int? = nil
  ) throws(RuntimeError) -> [BoxMass] {
    _ = try rowsPerContext(context, rows: context?.count ?? 1)
    guard let context else { return [try mass(nil, threads)] }
    var found: [BoxMass] = []
    for (index, row) in context.enumerated() {
      if index > 0, let last = found.last, row.elementsEqual(context[index - 1]) {
        found.append(last)
      } else {
        found.append(try mass(row, threads))
      }
    }
    return found
  }

  /// The probability of the box for one context.
  private func mass(_ context: Row<Scalar>?, _ threads: Int?) throws(RuntimeError) -> BoxMass {
    if let context, !context.allSatisfy(\.isFinite) {
      return BoxMass(draws: massDraws, inside: nil)
    }
    let values = context.map(Array.init) ?? []
    var (x, logProb) = block(min(massDraws, blockSize))
    var inside = 0
    for start in stride(from: 0, to: massDraws, by: blockSize) {
      let count = min(blockSize, massDraws - start)
      let first = Int64(ArtifactSource.firstMassDraw + start)
      let numbers = (0..<Int64(count)).map { first + $0 }
      try draw(
        massSeed, numbers, count: count, values, rowsPerContext: 0, threads, into: &x, &logProb)
      inside += x.withUnsafeBufferPointer { x in
        guard let base = x.baseAddress else { return 0 }
        return (0..<count).count { contains(base + $0 * flow.features) }
      }
    }
    return BoxMass(draws: massDraws, inside: inside)
  }

  /// The log-density of each row within the box: the flow's own less the logarithm of the box's probability;
  /// -inf outside. A row for which no sample was inside the box although it is itself is NaN.
  ///
  /// - Parameters:
  ///   - x: the rows.
  ///   - context: as many rows as x, or one, or another divisor of their number.
  ///   - mass: what `mass(context:)` gave for these contexts; it is called if this is nil.
  ///   - threads: how many threads to use; one per processor if nil.
  /// - Throws: `RuntimeError` for tables that do not fit, or if a function can't be compiled.
  public func logProb(
    _ x: Rows<Scalar>, context: Rows<Scalar>? = nil, mass: [BoxMass]? = nil, threads: Int? = nil
  ) throws(RuntimeError) -> [Scalar] {
    let logProb = try flow.logProb(x, context: context, threads: threads)
    guard x.count > 0 else { return logProb }
    let mass = if let mass { mass } else { try self.mass(context: context, threads: threads) }
    guard mass.count == context?.count ?? 1 else {
      throw .shape(argument: "mass", found: [mass.count], expected: [context?.count ?? 1])
    }
    return restricted(logProb, of: x, mass: mass)
  }

  /// The logarithms of densities, or of the masses of cells, of rows within the box: less that of the box's probability;
  /// -inf outside.
  package func restricted(
    _ logProb: [Scalar], of x: Rows<Scalar>, mass: [BoxMass]
  ) -> [Scalar] {
    var logProb = logProb
    let constants = mass.map { $0.inside == 0 ? Scalar.nan : Scalar($0.log) }
    let group = x.count / mass.count
    x.withUnsafeBufferPointer { x in
      guard let base = x.baseAddress else { return }
      for row in logProb.indices {
        let place = base + row * flow.features
        if contains(place) {
          logProb[row] -= constants[row / group]
        } else if !(0..<flow.features).contains(where: { place[$0].isNaN }),
          mass[row / group].inside != nil
        {
          logProb[row] = -.infinity
        }
      }
    }
    return logProb
  }
}
