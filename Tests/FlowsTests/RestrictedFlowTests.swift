import Flows
import Foundation
import Testing

/// Flows restricted to a box.
@Suite struct RestrictedFlowTests {
  /// A flow of one feature whose density given a context is normal, and its mean and deviation there.
  private struct Normal {
    let flow: CompiledFlow<Double>
    let contexts: Rows<Double> = [[-0.4], [1.3]]
    let mean: [Double]
    let deviation: [Double]

    init() throws {
      flow = try MAF(features: 1, context: 1, transforms: 2, hiddenFeatures: [8], seed: 5)
        .compiled(Double.self)
      let (zero, one) = (
        try flow.inverse([[0], [0]], context: contexts).rows,
        try flow.inverse([[1], [1]], context: contexts).rows
      )
      mean = zero.map { $0[0] }
      deviation = zip(one, zero).map { abs($0[0] - $1[0]) }
    }

    /// The probability of an interval.
    func mass(_ index: Int, _ lower: Double, _ upper: Double) -> Double {
      func below(_ x: Double) -> Double {
        0.5 * erfc(-(x - mean[index]) / deviation[index] / 2.0.squareRoot())
      }
      return below(upper) - below(lower)
    }
  }

  private func flow(context: Int = 2) throws -> NSF {
    try NSF(features: 3, context: context, transforms: 2, hiddenFeatures: [16], seed: 1)
  }

  private let box = try? Bounds(lower: [-0.5, -.infinity, -1], upper: [1, 0.8, .infinity])

  @Test("the probability of a box is a truncated normal's, within 4 standard errors")
  func mass() throws {
    let normal = try Normal()
    let within = try normal.flow.restricted(to: Bounds(lower: [0], upper: [1.5]), massDraws: 40_000)
    for (index, mass) in try within.mass(context: normal.contexts).enumerated() {
      let exact = normal.mass(index, 0, 1.5)
      #expect(mass.draws == 40_000)
      #expect(abs(mass.log - log(exact)) < 4 * mass.standardError)
      // √((1 - p) / (n p)), of which the share is known to a few percent.
      let error = ((1 - exact) / (40_000 * exact)).squareRoot()
      #expect(abs(mass.standardError / error - 1) < 0.05)
    }
    // A function of the context and the seed, wherever the context stands.
    let again = try within.mass(context: [[1.3], [1.3], [-0.4]])
    let both = try within.mass(context: normal.contexts)
    #expect(again == [both[1], both[1], both[0]])
  }

  @Test("samples have the moments of a truncated normal, within 5 standard errors")
  func moments() throws {
    let normal = try Normal()
    let (lower, upper) = (-0.2, 0.9)
    let within = try normal.flow.restricted(to: Bounds(lower: [lower], upper: [upper]))
    let count = 20_000
    let draw = try within.sample(count, forEach: normal.contexts, seed: 3)
    #expect(draw.missing.isEmpty && draw.x.allSatisfy { $0[0] >= lower && $0[0] <= upper })
    for index in 0...1 {
      let (m, s) = (normal.mean[index], normal.deviation[index])
      func density(_ x: Double) -> Double {
        exp(-((x - m) / s) * ((x - m) / s) / 2) / s / 2.5066282746310002
      }
      let (a, b) = (density(lower) * s, density(upper) * s)
      let mass = normal.mass(index, lower, upper)
      // Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions, volume 1, 10.1.
      let shift = (a - b) / mass
      let mean = m + s * shift
      let slope = ((lower - m) / s * a - (upper - m) / s * b) / mass
      let variance = s * s * (1 + slope - shift * shift)
      let x = draw.x[index * count..<(index + 1) * count].map { $0[0] }
      let found = x.reduce(0, +) / Double(count)
      #expect(abs(found - mean) < 5 * (variance / Double(count)).squareRoot())
      let spread = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
      #expect(abs(spread / variance - 1) < 5 * (2 / Double(count)).squareRoot())
      // The candidates of a row are as many as a geometric distribution says.
      let draws = draw.draws[index * count..<(index + 1) * count].reduce(0, +)
      let error = ((1 - mass) / mass / mass / Double(count)).squareRoot()
      #expect(abs(Double(draws) / Double(count) - 1 / mass) < 5 * error)
    }
  }

  @Test(
    "the density inside integrates to 1 within 4 standard errors of the constant, and is 0 outside")
  func density() throws {
    let normal = try Normal()
    let within = try normal.flow.restricted(to: Bounds(lower: [-0.2], upper: [0.9]))
    let mass = try within.mass(context: Rows(normal.contexts[0]))
    let points = (0...2_000).map { -0.2 + 1.1 * Double($0) / 2_000 }
    let values = try within.logProb(
      Rows(points, columns: 1), context: Rows(normal.contexts[0]), mass: mass)
    let sum =
      values.dropFirst().dropLast().reduce(0) { $0 + exp($1) }
      + (exp(values[0]) + exp(values[2_000])) / 2
    #expect(abs(sum * 1.1 / 2_000 - 1) < 4 * mass[0].standardError + 1e-6)
    let outside = try within.logProb(
      [[(-0.2).nextDown], [(0.9).nextUp], [1e300], [.nan]], context: Rows(normal.contexts[0]),
      mass: mass)
    #expect(outside[..<3].allSatisfy { $0 == -.infinity } && outside[3].isNaN)
  }

  @Test(
    "a row depends on the seed, its number and its context alone, and keeps the flow's own row if that is inside"
  )
  func numbers() throws {
    let flow = try flow().compiled()
    let within = try flow.restricted(to: #require(box))
    let contexts: Rows<Float> = [[0.1, -1], [0.7, 0.2], [-1.5, 0.4]]
    let all = try within.sample(700, forEach: contexts, seed: 9, threads: 1)
    #expect(all.missing.isEmpty)
    let own = try flow.sample(700, forEach: contexts, seed: 9)
    var kept = 0
    for row in all.x.indices where all.draws[row] == 1 {
      kept += 1
      #expect(all.x[row].elementsEqual(own.x[row]) && all.flowLogProb[row] == own.logProb[row])
    }
    #expect(kept > 300 && kept < 2_000)
    let threaded = try within.sample(700, forEach: contexts, seed: 9, threads: 3)
    #expect(threaded.x == all.x && threaded.draws == all.draws)
    // Parts of any size, and rows on their own with a context each.
    for (first, count) in [(1, 30), (690, 40), (1_399, 2)] {
      let values = (first..<first + count).flatMap { contexts[$0 / 700] }
      let part = try within.sample(
        count, context: Rows(values, columns: 2), seed: 9, firstRow: first)
      for row in 0..<count { #expect(part.x[row].elementsEqual(all.x[first + row])) }
    }
    let shared = try within.sample(50, context: Rows(contexts[1]), seed: 9)
    let one = try within.sample(1, context: Rows(contexts[1]), seed: 9, firstRow: 49)
    #expect(one.x[0].elementsEqual(shared.x[49]) && one.draws[0] == shared.draws[49])
  }

  @Test("a flow and a model that are not compiled are restricted as compiled ones are")
  func uncompiled() throws {
    let (flow, box) = (try flow(), try #require(box))
    let context: Rows<Float> = [[0.1, -1]]
    let expected = try flow.compiled().restricted(to: box, maxDraws: 5_000, massSeed: 3)
    let draw = try expected.sample(20, context: context, seed: 2)
    for within in [
      try flow.restricted(to: box, maxDraws: 5_000, massSeed: 3),
      try flow.model.restricted(to: box, maxDraws: 5_000, massSeed: 3),
    ] {
      #expect(within.maxDraws == 5_000 && within.massSeed == 3 && within.massDraws == 100_000)
      let own = try within.sample(20, context: context, seed: 2)
      #expect(own.x == draw.x && own.draws == draw.draws)
    }
    #expect(throws: RuntimeError.self) {
      try flow.restricted(to: Bounds(lower: [0], upper: [1]), as: Double.self)
    }
  }

  @Test("a loaded object, and its C interface, give the same bits")
  func artifact() throws {
    let compiled = try flow().compiled()
    let path = FileManager.default.temporaryDirectory.path + "/lib\(UUID().uuidString).so"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try compiled.write(to: path)
    let box = try #require(box)
    let contexts: Rows<Float> = [[0.1, -1], [0.7, 0.2], [-1.5, 0.4], [0, .nan]]
    let within = try compiled.restricted(to: box, maxDraws: 3, massDraws: 30_000)
    let draw = try within.sample(500, forEach: contexts, seed: 4)
    let loaded = try CompiledFlow<Float>(contentsOf: path).restricted(
      to: box, maxDraws: 3, massDraws: 30_000)
    #expect(try loaded.sample(500, forEach: contexts, seed: 4).draws == draw.draws)
    #expect(draw.missing.count > 500 && draw.missing.suffix(500).elementsEqual(1_500..<2_000))

    let handle = try #require(dlopen(path, RTLD_NOW))
    defer { dlclose(handle) }
    typealias Sample =
      @convention(c) (
        UInt64, Int64, UnsafePointer<Float>, UnsafePointer<Float>, Int64, UnsafePointer<Float>,
        Int64, Int64, UnsafeMutablePointer<Float>,
        UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Int64>?
      ) -> Int32
    let sample = unsafeBitCast(try #require(dlsym(handle, "flowir_sample_within")), to: Sample.self)
    var (x, logProb) = ([Float](repeating: 0, count: 6_000), [Float](repeating: 0, count: 2_000))
    var draws = [Int64](repeating: -1, count: 2_000)
    let (lower, upper) = (box.lower.map { Float($0) }, box.upper.map { Float($0) })
    #expect(sample(4, 0, lower, upper, 3, contexts.values, 2_000, 4, &x, &logProb, &draws) == 0)
    #expect(draws == draw.draws.map(Int64.init))
    #expect(zip(x, draw.x.values).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
    #expect(zip(logProb, draw.flowLogProb).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
    typealias Mass =
      @convention(c) (
        UInt64, UnsafePointer<Float>, UnsafePointer<Float>, Int64, UnsafePointer<Float>, Int64,
        UnsafeMutablePointer<Float>,
        UnsafeMutablePointer<Float>
      ) -> Int32
    let mass = unsafeBitCast(try #require(dlsym(handle, "flowir_log_mass")), to: Mass.self)
    var (logMass, errors) = ([Float](repeating: 0, count: 4), [Float](repeating: 0, count: 4))
    #expect(mass(0, lower, upper, 30_000, contexts.values, 4, &logMass, &errors) == 0)
    let expected = try within.mass(context: contexts)
    for index in 0..<3 {
      #expect(logMass[index] == Float(expected[index].log))
      #expect(errors[index] == Float(expected[index].standardError))
    }
    #expect(logMass[3].isNaN && expected[3].log.isNaN && errors[3].isNaN)
    typealias Density =
      @convention(c) (
        UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>,
        UnsafePointer<Float>, Int64, Int64, UnsafeMutablePointer<Float>
      ) -> Int32
    let density = unsafeBitCast(
      try #require(dlsym(handle, "flowir_log_prob_within")), to: Density.self)
    let points: Rows<Float> = [
      [0, 0, 0], [2, 0, 0], [0, 0, 0], [0, 0, -2], [0, 0.5, 3], [.nan, 9, 0],
    ]
    let three = Rows(Array(contexts.values[..<6]), columns: 2)
    var values = [Float](repeating: 0, count: 6)
    #expect(density(points.values, lower, upper, logMass, three.values, 6, 3, &values) == 0)
    let own = try within.logProb(points, context: three)
    #expect(zip(values, own).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
    #expect(own[1] == -.infinity && own[3] == -.infinity && own[5].isNaN && own[4].isFinite)
  }

  @Test(
    "rows that find none within the limit are NaN and counted, and densities there are not made up")
  func nothingInside() throws {
    let flow = try flow(context: 0).compiled()
    let far = try flow.restricted(
      to: Bounds(lower: [90, 90, 90], upper: [91, 91, 91]), maxDraws: 50, massDraws: 1_000)
    let draw = try far.sample(20, seed: 1)
    #expect(draw.missing == Array(0..<20) && draw.x.allSatisfy { $0.allSatisfy(\.isNaN) })
    let mass = try far.mass()
    #expect(mass[0].inside == 0 && mass[0].log == -.infinity && mass[0].standardError == .infinity)
    let logProb = try far.logProb([[90.5, 90.5, 90.5], [0, 0, 0]])
    #expect(logProb[0].isNaN && logProb[1] == -.infinity)
    let once = try flow.restricted(to: #require(box), maxDraws: 1).sample(400, seed: 1)
    #expect(once.draws.allSatisfy { $0 <= 1 } && once.missing.count > 20)
  }

  @Test("numbers that are out of range are errors")
  func errors() throws {
    let flow = try flow(context: 0).compiled()
    let box = try #require(box)
    #expect(throws: RuntimeError.self) { try flow.restricted(to: Bounds(lower: [0], upper: [1])) }
    #expect(throws: RuntimeError.self) { try flow.restricted(to: box, maxDraws: 0) }
    #expect(throws: RuntimeError.self) { try flow.restricted(to: box, massDraws: 0) }
    let within = try flow.restricted(to: box)
    #expect(throws: RuntimeError.self) { try within.sample(2, seed: 1, firstRow: 1 << 40) }
    #expect(throws: RuntimeError.self) { try within.sample(2, context: [[1]], seed: 1) }
    #expect(try within.sample(0, seed: 1).x.isEmpty)
  }
}
