import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Mixtures of models of data far from zero, whose digits float32 does not hold.
@Suite struct EnsembleCentreTests {
  private static func logSumExp(_ terms: [Double]) -> Double {
    guard let largest = terms.max(), largest > -.infinity else { return -.infinity }
    return largest + log(terms.reduce(0) { $0 + exp($1 - largest) })
  }

  @Test("members of data far from zero share a centre, which is taken off in float64")
  func farFromZero() throws {
    let date = 2_459_000.123456
    let members = try [0.25, 2].map { shift in
      var model = try Model(.maf(.init(transforms: 1)), features: 1, seed: 1)
      try model.standardize(Rows([date + shift - 0.5, date + shift + 0.5], columns: 1))
      return model
    }
    let ensemble = try Model(ensemble: members)
    let units = try #require(ensemble.units)
    #expect(units.centre == [date + 0.25] && units.scale == [1])
    let x: Rows<Double> = [[date + 0.3], [date - 1], [date + 2.7]]
    let each = try members.map { try $0.compiled(Double.self).logProb(x) }
    let exact = x.indices.map { row in Self.logSumExp(each.map { $0[row] - log(2) }) }
    // As the command does: float32 of what is left after the centre.
    let narrow = try ensemble.centred().compiled().logProb(
      Rows(x.values.map { Float($0 - units.centre[0]) }, columns: 1))
    for (one, other) in zip(narrow, exact) {
      #expect(abs(Double(one) - other) < 1e-5 * (1 + abs(other)))
    }
    for (one, member) in zip(try #require(ensemble.members), members) {
      #expect(abs((one.model.units?.centre[0] ?? 0) - (member.units?.centre[0] ?? 0)) < 1e-9)
    }
  }

  /// A member of dates between bounds and of a free date, in units of its own rows, or not.
  private static func dated(
    _ date: Double, lower: Double, upper: Double, seed: UInt64, inUnits: Bool = true
  ) throws -> Model {
    var model = try Model(
      .nsf(.init(transforms: 1, network: .init(hiddenFeatures: [8]))), features: 2, seed: seed)
    try model.bound(
      Bounds(lower: [lower, -.infinity], upper: [upper, .infinity]))
    guard inUnits else { return model }
    let rows = (1..<40).flatMap { row -> [Double] in
      let share = Double(row) / 40
      return [
        max(lower, date - 1) + share * (min(upper, date + 3) - max(lower, date - 1)),
        date + 500 + 0.1 * sin(Double(row)),
      ]
    }
    try model.standardize(Rows(rows, columns: 2))
    return model
  }

  /// Log-densities in float64, and in float32 of rows that were centred, as the command does.
  private static func both(
    _ ensemble: Model, _ x: Rows<Double>
  ) throws -> (exact: [Double], narrow: [Double]) {
    let units = try #require(ensemble.rowUnits)
    let narrow = try ensemble.centred().compiled().logProb(
      Rows(units.centred(x.values), columns: x.columns))
    return (try ensemble.compiled(Double.self).logProb(x), narrow.map { Double($0) })
  }

  @Test("members of dates between bounds share a centre too: float32 scores as float64 does")
  func boundedDates() throws {
    let date = 2_459_000.123456
    let members = [
      try Self.dated(date, lower: date - 1, upper: date + 3, seed: 1),
      try Self.dated(date, lower: date - 2, upper: .infinity, seed: 2),
      try Self.dated(date, lower: -.infinity, upper: date + 4, seed: 3),
    ]
    var generator = SeededGenerator(seed: 4)
    let x = Rows(
      (0..<200).flatMap { row -> [Double] in
        let share = (Double(row) + 0.5) / 200
        return [date - 0.99 + 3.98 * share, date + 500 + 0.1 * generator.normal()]
      }, columns: 2)
    let ensemble = try Model(ensemble: members, weights: [2, 1, 1])
    let units = try #require(ensemble.rowUnits)
    #expect(units.needFloat64 && abs(units.centre[0] - date) < 5, "\(units)")
    let each = try members.map { try $0.compiled(Double.self).logProb(x) }
    let (exact, narrow) = try Self.both(ensemble, x)
    for row in x.indices {
      let wanted = Self.logSumExp(zip([2.0, 1, 1], each).map { log($0 / 4) + $1[row] })
      // A date has 32 bits before and 21 after the point, and is 1e-2 or more from a bound.
      #expect(abs(exact[row] - wanted) < 1e-6, "row \(row)")
      #expect(abs(narrow[row] - exact[row]) < 2e-4, "row \(row): \(narrow[row]) \(exact[row])")
    }
    // Outside of all bounds of a member it has no density; its own bounds are where they were.
    let bounds = try #require(ensemble.outerBounds)
    #expect(bounds.lower == [-.infinity, -.infinity] && bounds.upper[0] == .infinity)
    for (one, member) in zip(try #require(ensemble.members), members) {
      let (found, given) = (try #require(one.model.bounds), try #require(member.bounds))
      for feature in 0..<2 where given.lower[feature].isFinite {
        #expect(abs(found.lower[feature] - given.lower[feature]) < 1e-9)
      }
      #expect(one.model.description == member.description)
      #expect(
        try zip(one.model.compiled(Double.self).logProb(x), member.compiled(Double.self).logProb(x))
          .allSatisfy { abs($0 - $1) < 1e-6 })
    }
  }

  @Test("members with other centres, or without units, keep their digits around one centre")
  func otherCentres() throws {
    let date = 2_459_000.123456
    let bounded = try Self.dated(date, lower: date - 1, upper: date + 3, seed: 1)
    var free = try Model(.maf(.init(transforms: 1)), features: 2, seed: 2)
    try free.standardize(
      Rows([date + 5, date + 500, date + 9, date + 501, date - 3, date + 499], columns: 2))
    // Without units its free feature is the date itself, so that it has no density there to speak of.
    let raw = try Self.dated(date, lower: date - 2, upper: date + 4, seed: 3, inUnits: false)
    let x: Rows<Double> = [
      [date - 0.5, date + 500], [date + 1, date + 500.1], [date + 2.9, date + 499.8],
    ]
    for members in [[bounded, free], [free, bounded], [bounded, free, raw]] {
      let ensemble = try Model(ensemble: members)
      // The smallest scale is the bounded member's.
      #expect(abs((ensemble.rowUnits?.centre[0] ?? 0) - (date + 1)) < 1e-6)
      let each = try members.map { try $0.compiled(Double.self).logProb(x) }
      let (exact, narrow) = try Self.both(ensemble, x)
      for row in x.indices {
        let wanted = Self.logSumExp(each.map { $0[row] - log(Double(members.count)) })
        #expect(abs(exact[row] - wanted) < 1e-6, "row \(row)")
        #expect(abs(narrow[row] - exact[row]) < 2e-4, "row \(row)")
      }
    }
    // Bounds near zero stay: a distance of 1e-20 to one has no digits around another number.
    let near = try [1, 2].map { seed in
      var model = try Model(.maf(.init(transforms: 1)), features: 1, seed: UInt64(seed))
      try model.bound(Bounds(lower: [0], upper: [Double(seed)]))
      return model
    }
    #expect(try Model(ensemble: near).units == nil)
  }
}
