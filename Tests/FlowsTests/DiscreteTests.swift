import FlowFiles
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// Discrete columns: noise over cells in training, and masses of cells.
@Suite struct DiscreteTests {
  private static func phi(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

  /// A flow of `(x - loc) / scale` over a standard normal.
  private static func affine(_ loc: [Double], _ scale: [Double]) throws -> Model {
    var model = try Model(
      FlowDescription(
        text: #"{"type": "Flow", "features": \#(loc.count), "transform": [{"type": "#
          + #""UnconditionalTransform", "buffer": true, "f": {"type": "AffineTransform", "#
          + #""inverse": true}}], "base": {"type": "UnconditionalDistribution", "#
          + #""f": {"type": "DiagNormal"}, "buffer": true}}"#))
    model.values["transform.transforms.0.loc"] = HostArray(loc, shape: [loc.count])
    model.values["transform.transforms.0.scale"] = HostArray(scale, shape: [loc.count])
    return model
  }

  @Test(
    "a normal number's masses are differences of its distribution function", arguments: [1, 0.25])
  func closedForm(step: Double) throws {
    var model = try Self.affine([2.3], [1.7])
    try model.setDiscrete([DiscreteColumn(feature: 0, step: step, origin: 0.1)])
    let exact = try DiscreteMass<Double>(model)
    #expect(exact.isExact)
    let x = (-60...60).map { 0.1 + step * Double($0) }
    let (found, error) = try exact(Rows(x, columns: 1))
    let estimate = DiscreteMass(try model.compiled(Double.self), model.discrete)
    #expect(!estimate.isExact && estimate.points == 256)
    let (near, nearError) = try estimate(Rows(x, columns: 1))
    var sum = 0.0
    for (row, x) in x.enumerated() {
      let wanted =
        Self.phi((x + step / 2 - 2.3) / 1.7) - Self.phi((x - step / 2 - 2.3) / 1.7)
      sum += exp(found[row])
      #expect(abs(exp(found[row]) - wanted) < 1e-14 && error[row] == 0)
      if wanted > 1e-12 {
        #expect(abs(found[row] - log(wanted)) < 1e-4, "in the tails too")
        #expect(abs(near[row] - found[row]) < 6 * nearError[row] + 1e-6)
        #expect(nearError[row] < 0.01)
      }
    }
    if step == 1 { #expect(abs(sum - 1) < 1e-12) }
    let (off, _) = try exact(Rows([0.1 + step / 2, 0.1 + 0.0005 * step], columns: 1))
    #expect(
      off[0] == -.infinity && off[1].isFinite, "not a number of the grid, and one up to rounding")
  }

  @Test("far out a mass keeps its digits")
  func tails() {
    // Mills' ratio, by its continued fraction.
    func logTail(_ x: Double) -> Double {
      let ratio = (1...200).reversed().reduce(x) { x + Double($1) / $0 }
      return -0.5 * x * x - 0.5 * log(2 * Double.pi) - log(ratio)
    }
    for x in [3.0, 12, 30, 45, 200] {
      for sign in [1.0, -1] {
        let found = logNormalMass(sign * x, sign * (x + 10))
        #expect(abs(found - logTail(x)) < 1e-3, "\(x): \(found) \(logTail(x))")
      }
    }
    #expect(abs(logNormalMass(-1e-9, 1e-9) - log(2e-9 * 0.3989422804014327)) < 1e-9)
    #expect(logNormalMass(.nan, 1).isNaN)
  }

  @Test("it is exact for the last feature of an autoregressive flow, and an estimate for another")
  func autoregressive() throws {
    for (feature, transforms, isExact) in [(1, 1, true), (0, 1, false), (1, 2, false)] {
      var model = try NSF(features: 2, transforms: transforms, seed: 3).model
      try model.setDiscrete([DiscreteColumn(feature: feature, step: 0.5)])
      let mass = try DiscreteMass<Double>(model)
      #expect(mass.isExact == isExact, "\(feature) of \(transforms)")
      // The masses of all cells sum to the density of the other feature, which quadrature gives.
      let flow = try model.compiled(Double.self)
      func rows(_ numbers: [Double]) -> Rows<Double> {
        Rows(numbers.flatMap { feature == 1 ? [0.3, $0] : [$0, 0.3] }, columns: 2)
      }
      let (logMass, error) = try mass(rows((-20...20).map { 0.5 * Double($0) }))
      let points = (0..<20_000).map { -10.25 + 20.5 * (Double($0) + 0.5) / 20_000 }
      let integral = try flow.logProb(rows(points)).reduce(0) { $0 + exp($1) * 20.5 / 20_000 }
      let sum = logMass.reduce(0) { $0 + exp($1) }
      let own = zip(logMass, error).reduce(0) { $0 + exp($1.0) * $1.1 }
      #expect(abs(sum - integral) < 1e-5 + 5 * own, "\(sum) \(integral) \(own)")
      if isExact { #expect(abs(sum - integral) < 1e-5) } else { #expect(own < 1e-2 * sum) }
    }
  }

  @Test("two discrete columns have the product of their masses where they are independent")
  func two() throws {
    var model = try Self.affine([1, -2], [1.5, 3])
    try model.setDiscrete([DiscreteColumn(feature: 1, step: 2), DiscreteColumn(feature: 0)])
    let mass = try DiscreteMass<Float>(model, points: 1024)
    #expect(!mass.isExact && mass.points == 1024)
    let (found, error) = try mass([[0, -4], [2, 0]])
    for (row, x) in [(0.0, -4.0), (2, 0)].enumerated() {
      let first = Self.phi((x.0 + 0.5 - 1) / 1.5) - Self.phi((x.0 - 0.5 - 1) / 1.5)
      let second = Self.phi((x.1 + 1 + 2) / 3) - Self.phi((x.1 - 1 + 2) / 3)
      #expect(abs(found[row] - log(first * second)) < 6 * error[row] + 1e-5)
      #expect(error[row] < 2e-3)
    }
  }

  @Test("a flow of one feature learns a Poisson distribution, whose masses sum to 1")
  func poisson() throws {
    var generator = SeededGenerator(seed: 1)
    let rate = 3.0
    let x = (0..<8000).map { _ -> Float in
      var (count, product) = (0, generator.uniform())
      while product > exp(-rate) {
        product *= generator.uniform()
        count += 1
      }
      return Float(count)
    }
    var flow = try NSF(features: 1, transforms: 2, bins: 16, seed: 1)
    try flow.bound(Bounds(lower: [-0.5], upper: [.infinity]))
    try flow.standardize(Rows(x, columns: 1))
    try flow.model.setDiscrete([DiscreteColumn(feature: 0)])
    var options = TrainingOptions()
    options.epochs = 30
    options.learningRate = 1e-2
    _ = try flow.model.fit(x, options: options)
    let (logMass, _) = try DiscreteMass<Float>(flow.model)(
      Rows((0...80).map { Float($0) }, columns: 1))
    let sum: Double = logMass.reduce(0) { $0 + exp($1) }
    #expect(abs(sum - 1) < 1e-4)
    // The divergence of the learnt masses from the shares in the data. Half a cell's shift would make it
    // 0.25 / (2 * rate) = 0.04 nats; ten trainings from other parameters ended at 0.001 to 0.005.
    var (divergence, wanted) = (0.0, exp(-rate))
    for count in 0...15 {
      let share = Double(x.count { $0 == Float(count) }) / 8000
      if share > 0 { divergence += share * (log(share) - logMass[count]) }
      #expect(abs(share - wanted) < 0.03)
      wanted *= rate / Double(count + 1)
    }
    #expect(divergence < 0.015)
    let (outside, _) = try DiscreteMass<Float>(flow.model)([[-1]])
    #expect(outside[0] == -.infinity)
  }

  @Test("noise is uniform over the cell, the same for a seed, epoch and row, and new in each epoch")
  func noise() {
    let noise = CellNoise(
      columns: [DiscreteColumn(feature: 1, step: 2)], features: 2, seed: 7)
    func rows(_ numbers: [Int], epoch: Int) -> [Float] {
      var x = [Float](repeating: 0, count: 2 * numbers.count)
      noise.add(to: &x, rows: numbers[...], epoch: epoch)
      return x
    }
    let all = rows(Array(0..<10_000), epoch: 1)
    let own = stride(from: 1, to: all.count, by: 2).map { Double(all[$0]) }
    #expect(stride(from: 0, to: all.count, by: 2).allSatisfy { all[$0] == 0 })
    #expect(own.allSatisfy { abs($0) <= 1 })
    // Mean 0 and variance 1/3, within five standard errors.
    let mean: Double = own.reduce(0, +) / 10_000
    let variance: Double = own.reduce(0) { $0 + $1 * $1 } / 10_000
    #expect(abs(mean) < 5 * 0.58 / 100)
    #expect(abs(variance - 1.0 / 3) < 5 * 0.3 / 100)
    #expect(rows([42, 7], epoch: 1) == [all[84], all[85], all[14], all[15]])
    #expect(rows([42], epoch: 2) != rows([42], epoch: 1))
  }

  @Test("a run with discrete columns goes on with the same bits, and is not continued without them")
  func resumed() throws {
    let x = (0..<400).map { Float($0 * $0 % 7) }
    func model(_ columns: [DiscreteColumn]) throws -> Model {
      var model = try MAF(features: 2, seed: 1).model
      try model.setDiscrete(columns)
      return model
    }
    var options = TrainingOptions()
    options.epochs = 4
    options.batchSize = 64
    var whole = try model([DiscreteColumn(feature: 1)])
    var checkpoints: [TrainingCheckpoint] = []
    _ = try whole.fit(x, options: options, checkpoint: { checkpoints.append($0) })
    var resumed = try model([DiscreteColumn(feature: 1)])
    options.threads = 2
    _ = try resumed.fit(x, options: options, resume: checkpoints[1])
    #expect(resumed.values == whole.values)
    var other = try model([])
    #expect {
      try other.fit(x, options: options, resume: checkpoints[1])
    } throws: {
      "\($0)".contains("of a run with discrete 2:1.0, not none")
    }
  }

  @Test("a model file keeps them, and columns that do not fit are refused")
  func files() throws {
    var model = try MAF(features: 2, seed: 1).model
    let columns = [DiscreteColumn(feature: 0, step: 0.5, origin: 0.25), DiscreteColumn(feature: 1)]
    try model.setDiscrete(columns.reversed())
    let path = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try model.save(to: path)
    var loaded = try Model(path: path)
    #expect(loaded.discrete == columns)
    try loaded.standardize(Rows([1, 2, 3, 5], columns: 2) as Rows<Float>)
    #expect(loaded.discrete == columns)
    #expect(loaded.centred().discrete.map(\.origin) == [0.25 - 2, -3.5])
    let ensemble = try Model(ensemble: [model, model])
    #expect(ensemble.discrete == columns)
    #expect(ensemble.members?.map(\.model.discrete) == [columns, columns])
    #expect {
      _ = try Model(ensemble: [model, MAF(features: 2, seed: 1).model])
    } throws: {
      "\($0)".hasPrefix("members[1].discrete: found []")
    }
    for bad in [
      DiscreteColumn(feature: 2), DiscreteColumn(feature: 0, step: 0),
      DiscreteColumn(feature: 0, origin: .nan),
    ] {
      #expect(throws: FlowError.self) { try loaded.setDiscrete([bad]) }
    }
    #expect(throws: FlowError.self) {
      try loaded.setDiscrete([DiscreteColumn(feature: 1), DiscreteColumn(feature: 1)])
    }
    var angles = try NSF(features: 2, circular: [0]).model
    #expect(throws: FlowError.self) { try angles.setDiscrete([DiscreteColumn(feature: 0)]) }
  }
}
