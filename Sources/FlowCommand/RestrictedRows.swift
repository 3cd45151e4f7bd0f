import FlowFiles
import FlowRuntime
import Flows
import Synchronization

/// The sampler of a restricted flow, as a function of the sampler's inputs.
final class RestrictedSampler<Number: RowNumber>: RowFunction {
  private let flow: RestrictedFlow<Number>
  private let masses: [BoxMass]?
  private let each: Int
  private let seed: UInt64
  /// How many candidates were drawn, and how many rows found one inside.
  private let counts = Mutex((drawn: 0, found: 0))

  /// Samples, `each` rows for a context; `masses` has the probability of the box for each context, if
  /// log-densities are wanted.
  init(_ flow: RestrictedFlow<Number>, masses: [BoxMass]?, each: Int, seed: UInt64) {
    (self.flow, self.masses, self.each, self.seed) = (flow, masses, each, seed)
  }

  func callAsFunction(
    _ inputs: [String: HostArray], rows: Int, firstRow: Int, threads: Int?
  ) throws -> [String: HostArray] {
    let draw: RestrictedDraw<Number>
    if let context = inputs["context"], context.shape.count == 2 {
      let contexts = Rows(Number.values(of: context), columns: context.shape[1])
      draw = try flow.sample(
        rows / contexts.count, forEach: contexts, seed: seed, firstRow: firstRow, threads: threads)
    } else {
      let context = inputs["context"].map {
        Rows(Number.values(of: $0), columns: $0.shape[0])
      }
      draw = try flow.sample(
        rows, context: context, seed: seed, firstRow: firstRow, threads: threads)
    }
    let missing = draw.draws.count { $0 == 0 }
    counts.withLock {
      $0.drawn += draw.draws.reduce(missing * flow.maxDraws, +)
      $0.found += rows - missing
    }
    var logProb = draw.flowLogProb
    if let masses {
      for row in logProb.indices {
        let mass = masses[masses.count == 1 ? 0 : (firstRow + row) / each]
        logProb[row] -= mass.inside == 0 ? .nan : Number(mass.log)
      }
    }
    return [
      "x": Number.array(draw.x.values, shape: [rows, flow.flow.features]),
      "log_prob": Number.array(logProb, shape: [rows]),
      "draws": HostArray(draw.draws.map { Int32($0) }, shape: [rows]),
    ]
  }

  /// The share of the candidates that was inside.
  var members: [(String, JSONValue)] {
    counts.withLock {
      [
        ("drawn", .integer($0.drawn)),
        ("share_inside", .number($0.drawn > 0 ? Double($0.found) / Double($0.drawn) : .nan)),
      ]
    }
  }

  /// The same in words.
  var text: String {
    counts.withLock {
      let percent = 100 * Double($0.found) / Double(max($0.drawn, 1))
      return " within the box, \(Format.significant(percent)) % of \($0.drawn) drawn"
    }
  }
}

/// The log-density of a restricted flow, or the log mass of its cells, as a function of the inputs of the flow's own.
final class RestrictedScorer<Number: RowNumber>: RowFunction {
  private let flow: RestrictedFlow<Number>
  /// The masses of rows with discrete columns; nil for a flow of none.
  private let cells: DiscreteScorer<Number>?
  /// The probability of the box for contexts that were met; its number is limited.
  private let known = Mutex<[[Number]: BoxMass]>([:])

  init(_ flow: RestrictedFlow<Number>, cells: DiscreteScorer<Number>?) {
    (self.flow, self.cells) = (flow, cells)
  }

  func callAsFunction(
    _ inputs: [String: HostArray], rows: Int, firstRow: Int, threads: Int?
  ) throws -> [String: HostArray] {
    guard let x = inputs["x"] else { throw RuntimeError.missingArgument("x") }
    let table = Rows(Number.values(of: x), columns: flow.flow.features)
    let contexts = inputs["context"].map {
      Rows(Number.values(of: $0), columns: flow.flow.context)
    }
    let masses = try contexts.map { contexts in
      try contexts.map { try mass(of: Array($0), threads) }
    }
    let known = try masses ?? [mass(of: [], threads)]
    let own = try cells?(inputs, rows: rows, firstRow: firstRow, threads: threads)
    let logProb =
      if let logMass = own?["log_prob"] {
        flow.restricted(Number.values(of: logMass), of: table, mass: known)
      } else {
        try flow.logProb(table, context: contexts, mass: known, threads: threads)
      }
    let found = logProb.indices.map { row in
      masses?[row].inside == 0 && logProb[row].isNaN ? 0 : 1 as Int32
    }
    var results = [
      "log_prob": Number.array(logProb, shape: [rows]), "draws": HostArray(found, shape: [rows]),
    ]
    results["standard_error"] = own?["standard_error"]
    return results
  }

  /// The probability of the box for a context.
  func mass(of context: [Number], _ threads: Int?) throws -> BoxMass {
    if let mass = known.withLock({ $0[context] }) { return mass }
    let rows = context.isEmpty ? nil : Rows(context, columns: context.count)
    let mass = try flow.mass(context: rows, threads: threads)[0]
    known.withLock { known in
      if known.count >= 100_000 { known = [:] }
      known[context] = mass
    }
    return mass
  }
}
