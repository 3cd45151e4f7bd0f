import FlowFiles
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Mixtures of models.
@Suite struct EnsembleTests {
  private static func logSumExp(_ terms: [Double]) -> Double {
    guard let largest = terms.max(), largest > -.infinity else { return -.infinity }
    return largest + log(terms.reduce(0) { $0 + exp($1 - largest) })
  }

  private static let x: Rows<Double> = [[0.3, -1.2], [2.5, 0.1], [-4, 3], [0, 0], [40, -70]]
  private static let c: Rows<Double> = [[0.2], [-1], [0.7], [3], [0]]

  /// Three flows of different kinds, each in units of its own.
  private static func members() throws -> [Model] {
    let kinds: [Architecture] = [
      .nsf(.init(transforms: 2, network: .init(hiddenFeatures: [8]))),
      .maf(.init(transforms: 1, randperm: true, network: .init(hiddenFeatures: [8]))),
      .gmm(.init(components: 2, network: .init(hiddenFeatures: [8]))),
    ]
    var generator = SeededGenerator(seed: 5)
    return try kinds.enumerated().map { index, kind in
      var model = try Model(kind, features: 2, context: 1, seed: UInt64(index))
      let rows = (0..<200).map { _ in generator.normal() * Double(index + 1) + Double(index) }
      let given = (0..<100).map { _ in generator.normal() * 2 + 1 }
      try model.standardize(Rows(rows, columns: 2), context: Rows(given, columns: 1))
      return model
    }
  }

  @Test("the density is the weighted mean of the members' densities, in f64 and f32, in a file too")
  func density() throws {
    let members = try Self.members()
    let weights = [2.0, 0.5, 1]
    let ensemble = try Model(ensemble: members, weights: weights)
    let each = try members.map {
      try $0.compiled(Double.self).logProb(Self.x, context: Self.c)
    }
    let exact = Self.x.indices.map { row in
      Self.logSumExp(zip(weights, each).map { log($0 / 3.5) + $1[row] })
    }
    let path = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try ensemble.save(to: path)
    let loaded = try Model(path: path)
    #expect(loaded.description == ensemble.description)
    for model in [ensemble, loaded] {
      let wide = try model.compiled(Double.self).logProb(Self.x, context: Self.c)
      let narrow = try model.compiled().logProb(
        Rows(Self.x.values.map { Float($0) }, columns: 2),
        context: Rows(Self.c.values.map { Float($0) }, columns: 1))
      for row in Self.x.indices {
        #expect(abs(wide[row] - exact[row]) < 1e-13 * (1 + abs(exact[row])))
        // Far out, a network's float32 sums lose some of seven digits.
        #expect(abs(Double(narrow[row]) - exact[row]) < 1e-4 * (1 + abs(exact[row])))
      }
    }
    let found = try #require(loaded.members)
    for (one, (member, weight)) in zip(found, zip(members, weights)) {
      #expect(abs(one.weight - weight / 3.5) < 1e-15)
      #expect(one.model.values == member.values && one.model.description == member.description)
      #expect(
        try one.model.compiled(Double.self).logProb(Self.x, context: Self.c)
          == member.compiled(Double.self).logProb(Self.x, context: Self.c))
    }
  }

  @Test("a sample is that of one member with the same seed, as often as its weight says")
  func samples() throws {
    let members = try Self.members()
    let weights = [2.0, 0.5, 1]
    let ensemble = try Model(ensemble: members, weights: weights).compiled(Double.self)
    let rows = 20_000
    let draw = try ensemble.sample(rows, context: [[0.4]], seed: 9)
    let each = try members.map {
      try $0.compiled(Double.self).sample(rows, context: [[0.4]], seed: 9)
    }
    var counts = [0, 0, 0]
    for row in 0..<rows {
      let same = each.indices.filter { member in
        zip(each[member].x[row], draw.x[row]).allSatisfy { abs($0 - $1) <= 1e-13 * (1 + abs($0)) }
      }
      #expect(same.count == 1, "row \(row) is one of \(same)")
      for member in same { counts[member] += 1 }
    }
    for (count, weight) in zip(counts, weights) {
      let share = weight / 3.5
      let deviation = (share * (1 - share) / Double(rows)).squareRoot()
      #expect(abs(Double(count) / Double(rows) - share) < 4 * deviation, "\(counts)")
    }
    let again = try ensemble.logProb(draw.x, context: [[0.4]])
    for (one, other) in zip(draw.logProb, again) {
      #expect(abs(one - other) < 1e-9 * (1 + abs(one)))
    }
    // A row's member does not depend on how many rows there are, or on the threads.
    let part = try ensemble.sample(100, context: [[0.4]], seed: 9, threads: 1)
    #expect(part.x.values == Array(draw.x.values.prefix(200)))
  }

  @Test(
    "members between different bounds: the support is that of any member, and the integral is 1")
  func bounds() throws {
    var members: [Model] = []
    let intervals = [0.0...1, 0.5...3, -Double.infinity...0]
    for (index, interval) in intervals.enumerated() {
      var model = try Model(
        .nsf(.init(transforms: 1, network: .init(hiddenFeatures: [8]))), features: 1,
        seed: UInt64(index))
      try model.bound(Bounds(lower: [interval.lowerBound], upper: [interval.upperBound]))
      members.append(model)
    }
    let ensemble = try Model(ensemble: members, weights: [1, 2, 3]).compiled(Double.self)
    func mass(_ model: CompiledFlow<Double>, _ from: Double, _ to: Double) throws -> Double {
      // Midpoints, more of them towards both ends, where densities may be steep.
      let count = 40_000
      let ends = (0...count).map { index -> Double in
        let t = Double(index) / Double(count)
        return from + (to - from) * t * t * (3 - 2 * t)
      }
      let points = (0..<count).map { (ends[$0] + ends[$0 + 1]) / 2 }
      let values = try model.logProb(Rows(points, columns: 1))
      return (0..<count).reduce(0) { $0 + exp(values[$1]) * (ends[$1 + 1] - ends[$1]) }
    }
    let parts = try [(-3_000.0, -20.0), (-20, 0), (0, 0.5), (0.5, 1), (1, 3)].map {
      try mass(ensemble, $0.0, $0.1)
    }
    #expect(abs(parts.reduce(0, +) - 1) < 1e-4, "\(parts)")
    #expect(abs(parts[4] + parts[3] + parts[2] - 0.5) < 1e-4, "\(parts)")
    let found = try ensemble.logProb([[3.001], [2], [0.7], [-5]])
    #expect(found[0] == -.infinity && found[1...].allSatisfy(\.isFinite))
    // A member without a density at a row has no part in the row's gradient.
    let gradient = try ensemble.logProbAndGradient([[2], [0.2], [-5]])
    for (index, (row, member)) in [(0, 1), (1, 0), (2, 2)].enumerated() {
      let own = try members[member].compiled(Double.self).logProbAndGradient([[2], [0.2], [-5]])
      #expect(
        abs(gradient.x[row][0] - own.x[row][0]) < 1e-12 * (1 + abs(own.x[row][0])), "\(index)")
    }
    let draw = try ensemble.sample(2_000, seed: 1)
    #expect(draw.x.values.allSatisfy { $0 <= 3 } && draw.logProb.allSatisfy(\.isFinite))
  }

  @Test("gradients are the weighted means of the members' gradients")
  func gradients() throws {
    let members = try Self.members()
    let ensemble = try Model(ensemble: members).compiled(Double.self)
    let both = try ensemble.logProbAndGradient(Self.x, context: Self.c)
    let each = try members.map {
      try $0.compiled(Double.self).logProbAndGradient(Self.x, context: Self.c)
    }
    for row in Self.x.indices {
      for feature in 0..<2 {
        let exact = each.reduce(0.0) {
          $0 + exp($1.logProb[row] - both.logProb[row]) / 3 * $1.x[row][feature]
        }
        #expect(abs(both.x[row][feature] - exact) < 1e-10 * (1 + abs(exact)))
      }
    }
  }

  @Test("an ensemble of one is its member, and of an ensemble, a mixture of mixtures")
  func nested() throws {
    let members = try Self.members()
    let one = try Model(ensemble: [members[0]], weights: [7])
    #expect(
      try one.compiled().sample(50, context: [[1]], seed: 2).x.values
        == members[0].compiled().sample(50, context: [[1]], seed: 2).x.values)
    let inner = try Model(ensemble: Array(members[1...]), weights: [1, 3])
    let outer = try Model(ensemble: [members[0], inner], weights: [1, 4])
    let flat = try Model(ensemble: members, weights: [1, 1, 3])
    let (a, b) = (
      try outer.compiled(Double.self).logProb(Self.x, context: Self.c),
      try flat.compiled(Double.self).logProb(Self.x, context: Self.c)
    )
    for (one, other) in zip(a, b) { #expect(abs(one - other) < 1e-13 * (1 + abs(one))) }
  }

  @Test("training goes on with all members and the weights")
  func fit() async throws {
    // Two clusters, each of which one member begins near; their shares are 3 to 1.
    var generator = SeededGenerator(seed: 8)
    let x = Rows(
      (0..<2_000).map { Float(generator.normal() * 0.2 + ($0 % 4 == 0 ? 3 : -3)) }, columns: 1)
    let members = try [-2.0, 2.0].map { centre in
      var model = try Model(.maf(.init(transforms: 1)), features: 1, seed: 1)
      try model.standardize(Rows([centre - 1, centre + 1], columns: 1))
      return model
    }
    var ensemble = try Model(ensemble: members)
    var options = TrainingOptions()
    (options.epochs, options.batchSize, options.learningRate, options.seed) = (150, 200, 0.02, 2)
    let report = try await ensemble.fit(x, options: options)
    // The entropy of the clusters and of the choice between them.
    let best = -(0.5 * log(2 * Double.pi * 0.04) + 0.5) + 0.75 * log(0.75) + 0.25 * log(0.25)
    #expect(report.trainLogLikelihood > best - 0.05, "\(report.trainLogLikelihood) \(best)")
    let weights = try #require(ensemble.members).map(\.weight)
    #expect(abs(weights[0] - 0.75) < 0.02, "\(weights)")
  }

  @Test("members that do not fit are errors that name them")
  func errors() throws {
    let members = try Self.members()
    let other = try Model(.maf(), features: 3, context: 1)
    let bare = try Model(.maf(), features: 2)
    let own = Model(features: 2, context: 1) { scope in
      UnconditionalDistribution.diagNormal(features: 2, in: scope)
    }
    func message(_ models: [Model], _ weights: [Double]? = nil) -> String {
      do {
        _ = try Model(ensemble: models, weights: weights)
        return ""
      } catch {
        return "\(error)"
      }
    }
    #expect(message([]) == "members: found none, expected 1 model or more")
    #expect(
      message(members + [other]) == "members[3].features: found 3, expected 2, as members[0]")
    #expect(
      message([members[0], bare]) == "members[1].context: found 0, expected 1, as members[0]")
    #expect(message([members[0], own]).hasPrefix("members[1]: found a model that a closure built"))
    #expect(message(members, [1, 2]) == "weights: found 2 numbers, expected 3, one a member")
    for bad in [-1, 0, Double.nan, .infinity] {
      #expect(
        message(members, [1, bad, 1]).hasPrefix("weights[1]: found \(bad), expected a positive"))
    }
    var (named, renamed) = (members[0], members[1])
    named.columns.x = ["a", "b"]
    renamed.columns.x = ["b", "a"]
    #expect(
      message([named, renamed])
        == "members[1].columns: found b, a, expected a, b, as the members before")
  }

  @Test(
    "a description of an ensemble that can't be is an error with its place",
    arguments: [
      (#""members": []"#, "members: found no flow, expected 1 or more"),
      (#""members": {}"#, "members: found {}, expected a list of 0 to 1000 flows"),
      (
        #""members": [{"type": "MAF", "features": 2}, {"type": "MAX", "features": 2}]"#,
        "members[1].type: unknown type 'MAX', expected one of"
      ),
      (
        #""members": [{"type": "MAF", "features": 2}, {"type": "NSF", "features": 2, "bins": 1}]"#,
        "members[1].bins: found 1, expected an integer of 2 to 1000"
      ),
      (
        #""members": [{"type": "MAF", "features": 3}]"#,
        "members[0].features: found 3, expected 2, as the ensemble"
      ),
      (
        #""members": [{"type": "Ensemble", "features": 2, "members": [{"type": "Flow", "features": 2}]}]"#,
        "members[0].members[0].transform: found nothing, expected a list of transforms"
      ),
      (
        #""members": [{"type": "MAF", "features": 2}], "base": {"type": "DiagNormal"}"#,
        "base: found one of Ensemble, expected none"
      ),
    ])
  func descriptions(members: String, message: String) throws {
    let error = #expect(throws: FlowError.self) {
      _ = try Model(FlowDescription(text: #"{"type": "Ensemble", "features": 2, \#(members)}"#))
    }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "none")")
  }
}
