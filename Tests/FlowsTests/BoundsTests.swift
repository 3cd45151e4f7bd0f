import FlowFiles
import Foundation
import Testing

@testable import Flows

/// Flows of features between bounds.
@Suite struct BoundsTests {
  /// An interval, and a map of the whole line onto it that is written without the transform.
  struct Interval: Sendable, CustomTestStringConvertible {
    let lower: Double
    let upper: Double
    let map: @Sendable (Double) -> Double
    var testDescription: String { "\(lower)...\(upper)" }
  }

  static let intervals = [
    Interval(lower: 2, upper: 5) { 2 + 3 / (1 + exp(-$0)) },
    Interval(lower: -1, upper: .infinity) { -1 + exp($0) },
    Interval(lower: -.infinity, upper: 0.25) { 0.25 - exp(-$0) },
  ]

  /// An untrained flow of one feature, in the units of data that are normal without their bounds.
  private static func model(_ architecture: Architecture, _ interval: Interval?) throws -> Model {
    var generator = SeededGenerator(seed: 3)
    var model = try Model(architecture, features: 1, seed: 2)
    if let interval {
      try model.bound(Bounds(lower: [interval.lower], upper: [interval.upper]))
    }
    let rows = (0..<400).map { _ in
      let number = generator.normal()
      return interval?.map(number) ?? number
    }
    try model.standardize(Rows(rows, columns: 1))
    return model
  }

  /// The integral of a density, by the trapezoidal rule.
  private func integral(_ density: CompiledFlow<Double>, _ points: [Double]) throws -> Double {
    let values = try density.logProb(Rows(points, columns: 1)).map { exp($0) }
    return (1..<points.count).reduce(0) { total, index in
      let width = points[index] - points[index - 1]
      return width > 0 ? total + width * (values[index] + values[index - 1]) / 2 : total
    }
  }

  @Test(
    "a density between bounds integrates to 1 inside, and is 0 outside",
    arguments: UnitsTests.architectures, intervals)
  func integral(architecture: Architecture, interval: Interval) throws {
    let compiled = try Self.model(architecture, interval).compiled(Double.self)
    let line = (-15_000...15_000).map { Double($0) / 500 }
    let total = try integral(compiled, line.map(interval.map))
    // Untrained, these two have much of their mass far from the data, with and without bounds.
    let expected =
      ["NAF", "GF"].contains(architecture.type)
      ? try integral(Self.model(architecture, nil).compiled(Double.self), line) : 1
    #expect(abs(total - expected) < 1e-4, "\(total) \(expected)")
    for bound in [interval.lower, interval.upper] where bound.isFinite {
      let outside = bound == interval.lower ? bound.nextDown : bound.nextUp
      let found = try compiled.logProb([[outside], [bound], [bound + (outside - bound) * 1e12]])
      #expect(found[0] == -.infinity && found[1] > -.infinity && !found[1].isNaN)
      #expect(found[2] == -.infinity)
    }
  }

  @Test("samples are inside, also in float32 near a bound, and score as they were drawn")
  func samples() throws {
    var flow = try NSF(features: 4, seed: 1)
    let bounds = try Bounds(
      lower: [0, -.infinity, 1000, -.infinity], upper: [1, 0.1, .infinity, .infinity])
    try flow.bound(bounds)
    let compiled = try flow.compiled()
    let draw = try compiled.sample(50_000, seed: 4)
    #expect(bounds.firstOutside(draw.x.values) == nil)
    #expect(draw.x.values.allSatisfy { $0.isFinite })
    let exact = try flow.compiled(Double.self)
    let drawn = try exact.sample(2000, seed: 4)
    #expect(bounds.firstOutside(drawn.x.values) == nil)
    for (one, other) in zip(try exact.logProb(drawn.x), drawn.logProb) {
      #expect(abs(one - other) < 1e-6 * (1 + abs(one)))
    }
    // Without bounds, a feature is what it was.
    let signs = Set(drawn.x.map { $0[3] < 0 })
    #expect(signs.count == 2)
  }

  @Test("a uniform distribution between bounds is learnt, up to the bounds")
  func uniform() async throws {
    var generator = SeededGenerator(seed: 6)
    let x = Rows((0..<4000).map { _ in Float(3 + 2 * generator.uniform()) }, columns: 1)
    var flow = try NSF(features: 1, seed: 1)
    try flow.bound(Bounds(lower: [3], upper: [5]))
    try flow.standardize(x)
    var options = TrainingOptions()
    options.epochs = 40
    options.learningRate = 1e-2
    let report = try await flow.fit(x, options: options)
    #expect(abs(report.trainLogLikelihood + log(2)) < 0.02, "\(report.trainLogLikelihood)")
  }

  @Test("gradients are finite at a bound and outside, and right inside")
  func gradients() throws {
    let model = try Self.model(.nsf(), Self.intervals[0])
    let compiled = try model.compiled(Double.self)
    let x: Rows<Double> = [[2], [5], [1], [6], [3.1]]
    let found = try compiled.logProbAndGradient(x)
    #expect(found.x.values.allSatisfy { $0.isFinite })
    let step = 1e-6
    let near = try compiled.logProb([[3.1 - step], [3.1 + step]])
    let slope = (near[1] - near[0]) / (2 * step)
    #expect(abs(found.x[4][0] - slope) < 1e-5 * (1 + abs(slope)))
  }

  /// Julian dates without bounds, above one, below one and between two, and shares.
  static func dates() throws -> (model: Model, x: Rows<Double>) {
    var generator = SeededGenerator(seed: 5)
    let day = 2_460_000.5
    var model = try Model(.nsf(.init(transforms: 1)), features: 5, seed: 2)
    try model.bound(
      Bounds(
        lower: [-.infinity, day, -.infinity, day - 1, 0],
        upper: [.infinity, .infinity, day, day + 1, 1]
      ))
    let x = Rows(
      (0..<400).flatMap { _ in
        let numbers = (0..<5).map { _ in generator.normal() }
        let shares = numbers.map { 1 / (1 + exp(-$0)) }
        return [
          day + numbers[0], day + exp(numbers[1]), day - exp(numbers[2]), day - 1 + 2 * shares[3],
          shares[4],
        ]
      }, columns: 5)
    try model.standardize(x)
    return (model, x)
  }

  @Test("numbers far from zero keep their digits beside bounds and between them")
  func farFromZero() throws {
    let (model, x) = try Self.dates()
    let units = try #require(model.rowUnits)
    #expect(units.needFloat64 && units.centre[4] == 0)
    #expect(units.centre[..<4].allSatisfy { abs($0 - 2_460_000.5) < 3 })
    let centred = Rows(units.centred(x.values), columns: 5)
    let found = try model.centred().compiled(Float.self).logProb(centred)
    let exact = try model.compiled(Double.self).logProb(x)
    let error = zip(found, exact).map { abs(Double($0) - $1) }.max() ?? 1
    #expect(error < 2e-4, "\(error)")
    // Without the centre a quarter of a day is all that float32 keeps.
    let rounded = try model.compiled(Float.self).logProb(
      Rows(x.values.map { Float($0) }, columns: 5))
    #expect(zip(rounded, exact).map { abs(Double($0) - $1) }.max() ?? 0 > 0.01)
    // A bound is where it was.
    let bounds = try #require(model.bounds)
    let moved = try #require(model.centred().bounds)
    for feature in 0..<5 {
      #expect(moved.lower[feature] == bounds.lower[feature] - units.centre[feature])
      #expect(moved.upper[feature] == bounds.upper[feature] - units.centre[feature])
    }
  }

  @Test("a bounded model survives a file, and wrong bounds are errors that say why")
  func description() throws {
    var model = try Model(.maf(), features: 2, seed: 3)
    let bounds = try Bounds(lower: [0.1, -.infinity], upper: [.infinity, 7])
    try model.bound(bounds)
    try model.standardize([[1, 2], [3, 5], [4, 6.5]] as Rows<Double>)
    let path = FileManager.default.temporaryDirectory.path + "/\(UUID().uuidString).safetensors"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try model.save(to: path)
    let loaded = try Model(path: path)
    #expect(loaded.bounds == bounds && loaded.unboundedUnits == model.unboundedUnits)
    #expect(loaded.units == nil, "rows are not in units before their bounds are off")
    let one = try loaded.compiled().logProb([[1, 2], [0, 2], [1, 8]])
    let other = try model.compiled().logProb([[1, 2], [0, 2], [1, 8]])
    #expect(one == other)
    #expect(one[0].isFinite && one[1] == -.infinity && one[2] == -.infinity)
    #expect(throws: FlowError.self) { try Bounds(lower: [1], upper: [1]) }
    #expect(throws: FlowError.self) { try Bounds(lower: [0], upper: [1, 2]) }
    #expect(throws: FlowError.self) { try Bounds(lower: [.nan], upper: [1]) }
    let narrow = try Bounds(lower: [0], upper: [1])
    #expect(throws: FlowError.self) { try model.bound(narrow) }
    var angles = try Model(.ncsf(), features: 2)
    #expect(throws: FlowError.self) { try angles.bound(bounds) }
  }
}
