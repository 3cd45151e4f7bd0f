import FlowFiles
import Foundation
import Testing

@testable import Flows

/// Weights for rows, and validation rows of their own.
@Suite struct WeightedFitTests {
  private static func normal(_ count: Int, seed: UInt64 = 0) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float(generator.normal()) }
  }

  private static func options(epochs: Int, batchSize: Int = 512) -> TrainingOptions {
    var options = TrainingOptions()
    options.epochs = epochs
    options.batchSize = batchSize
    options.validation = 0
    options.learningRate = 1e-2
    options.schedule = .constant
    options.threads = 1
    return options
  }

  private static func largestDifference(_ a: Model, _ b: Model) -> Float {
    a.values.map { name, array in
      zip(array.floats, b.values[name]?.floats ?? []).map { abs($0 - $1) }.max() ?? 0
    }.max() ?? .infinity
  }

  private static func repeated(_ values: [Float], _ weights: [Float], width: Int) -> [Float] {
    weights.indices.flatMap { row in
      (0..<Int(weights[row])).flatMap { _ in values[row * width..<(row + 1) * width] }
    }
  }

  @Test("a whole weight trains as if the row stood there that many times, validation rows too")
  func repeats() throws {
    let (x, c) = (Self.normal(120), Self.normal(60, seed: 1))
    let weights = (0..<60).map { Float($0 % 4) }
    let (vx, vc) = (Self.normal(20, seed: 2), Self.normal(10, seed: 3))
    let judged = (0..<10).map { Float(1 + $0 % 3) }
    let flow = Architecture.maf(.init(transforms: 2, network: .init(hiddenFeatures: [16])))
    var weighted = try Model(flow, features: 2, context: 1, seed: 4)
    var longer = weighted
    // All rows are in one batch: in smaller ones, other rows would come together.
    let options = Self.options(epochs: 20)
    let a = try weighted.fit(
      x, context: c, weights: weights,
      validation: WeightedRows(x: vx, context: vc, weights: judged), options: options)
    let b = try longer.fit(
      Self.repeated(x, weights, width: 2), context: Self.repeated(c, weights, width: 1),
      validation: WeightedRows(
        x: Self.repeated(vx, judged, width: 2), context: Self.repeated(vc, judged, width: 1)),
      options: options)
    // 20 steps of 1e-2; sums in float32 differ in the order of terms, by 1e-7 of a gradient a step, and
    // Adam divides a gradient by its own size.
    #expect(Self.largestDifference(weighted, longer) < 2e-4)
    #expect(abs(a.trainLogLikelihood - b.trainLogLikelihood) < 1e-4)
    let (held, other) = (a.validationLogLikelihood, b.validationLogLikelihood)
    #expect(abs(try #require(held) - #require(other)) < 1e-4)
    #expect(a.bestEpoch == b.bestEpoch)
    #expect(a.trainRows == 45 && b.trainRows == 90 && a.validationRows == 10)
    // The weights matter: without them the fit is another.
    var plain = try Model(flow, features: 2, context: 1, seed: 4)
    try plain.fit(x, context: c, options: options)
    #expect(Self.largestDifference(weighted, plain) > 1e-3)
  }

  @Test(
    "weights of 1, 2 or 2^-140 for all rows give the bits of none", arguments: [1, 2, 0x1p-140])
  func equalWeights(weight: Float) throws {
    let x = Self.normal(100)
    var plain = try MAF(features: 2, hiddenFeatures: [8], seed: 1).model
    var weighted = plain
    var options = Self.options(epochs: 5, batchSize: 16)
    options.validation = 0.2
    let a = try plain.fit(x, options: options)
    let b = try weighted.fit(
      x, weights: Array(repeating: weight, count: 50), options: options)
    #expect(weighted.values == plain.values)
    #expect(a.validationLogLikelihood == b.validationLogLikelihood)
  }

  @Test("rows of weight 0 are as if they were not there, with the same bits")
  func zeroWeights() throws {
    let x = Self.normal(120)
    let weights: [Float] = (0..<60).map { row in row % 3 == 0 ? 0 : Float(1 + row % 2) }
    let kept = (0..<60).filter { weights[$0] > 0 }
    var whole = try MAF(features: 2, hiddenFeatures: [8], seed: 1).model
    var part = whole
    var options = Self.options(epochs: 4, batchSize: 8)
    options.validation = 0.2
    let a = try whole.fit(x, weights: weights, options: options)
    let b = try part.fit(
      kept.flatMap { x[2 * $0...2 * $0 + 1] }, weights: kept.map { weights[$0] }, options: options)
    #expect(whole.values == part.values)
    #expect(a.trainLogLikelihood == b.trainLogLikelihood)
    #expect(a.trainRows + a.validationRows == 40 && b.trainRows + b.validationRows == 40)
  }

  @Test("the weighted loss of a normal base is its closed form, over the rows that have a density")
  func closedForm() throws {
    let (x, weights): ([Float], [Float]) = ([0, 1, 2, .infinity], [1, 2, 5, 100])
    let mean = try compile(.rows("x", 1), .rows("w", 1)) { x, w in
      let normal = DiagNormal(
        loc: x.trace.constant([0], shape: [1]), scale: x.trace.constant([1], shape: [1]))
      return normal.logProb(x).meanOfFiniteRows(weights: w.reshaped([]))
    }
    let exact = -(2 * 0.5 + 5 * 2) / 8 - 0.5 * log(2 * Double.pi)
    let found = try mean(Rows(x, columns: 1), Rows(weights, columns: 1))
    #expect(abs(Double(found[0]) - exact) < 1e-6)
    let likelihoods = Likelihoods([-1, -.infinity, -4], weights: [3, 100, 1])
    #expect(likelihoods.mean == -1.75 && likelihoods.missing == 1)
    // The first is better on the heavier row, and worse in the plain mean.
    #expect(likelihoods.isBetter(than: Likelihoods([-1.5, -1, -3], weights: [3, 100, 1])))
  }

  @Test("epochs are judged on the validation rows that are given, and all others are trained on")
  func validation() async throws {
    let x = Rows(Self.normal(200), columns: 2)
    let far = Rows(Self.normal(60, seed: 5).map { $0 + 3 }, columns: 2)
    var flow = try MAF(features: 2, hiddenFeatures: [8], seed: 1)
    var options = Self.options(epochs: 3)
    options.validation = 0.5
    let report = try await flow.fit(x, validation: far, options: options)
    #expect(report.trainRows == 100 && report.validationRows == 30)
    let logProb = try flow.compiled().logProb(far)
    let mean = logProb.reduce(0) { $0 + Double($1) } / 30
    #expect(abs(try #require(report.validationLogLikelihood) - mean) < 1e-6)
    let weights = (0..<30).map { Float($0) }
    let weighted = try await flow.fit(
      x, validation: far, validationWeights: weights, options: options)
    let scores = try flow.compiled().logProb(far)
    let sum = zip(weights, scores).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    #expect(abs(try #require(weighted.validationLogLikelihood) - sum / 435) < 1e-6)
  }

  @Test(
    "weights that can't be are an error that names the row",
    arguments: [
      ([1, 1], "found 2 numbers, expected 3"), ([1, -1, 1], "-1.0 for row 2"),
      ([1, 1, .nan], "nan for row 3"), ([.infinity, 1, 1], "inf for row 1"),
      ([0, 0, 0], "only zeros"),
    ] as [([Float], String)])
  func wrongWeights(weights: [Float], words: String) throws {
    let x: [Float] = [1, 2, 3, 4, 5, 6]
    var model = try MAF(features: 2, hiddenFeatures: [8], seed: 1).model
    let before = model.values
    for (place, arguments) in [
      ("weights", (weights, nil)),
      ("validation weights", (nil, WeightedRows(x: x, weights: weights))),
    ] as [(String, ([Float]?, WeightedRows?))] {
      let error = #expect(throws: FlowError.self) {
        try model.fit(x, weights: arguments.0, validation: arguments.1)
      }
      #expect("\(try #require(error))".hasPrefix("\(place): "))
      #expect("\(try #require(error))".contains(words))
    }
    #expect(model.values == before)
  }

  @Test("validation tables that do not fit are errors")
  func wrongValidation() async throws {
    var flow = try MAF(features: 2, context: 1, hiddenFeatures: [8], seed: 1)
    let (x, c): (Rows<Float>, Rows<Float>) = ([[1, 2], [3, 4]], [[1], [2]])
    await #expect(throws: FlowError.self) { try await flow.fit(x, context: c, validation: c) }
    await #expect(throws: FlowError.self) { try await flow.fit(x, context: c, validation: x) }
    await #expect(throws: FlowError.self) {
      try await flow.fit(x, context: c, validation: x, validationContext: [[1]])
    }
    await #expect(throws: FlowError.self) {
      try await flow.fit(x, context: c, validationWeights: [1, 1])
    }
    await #expect(throws: FlowError.self) {
      try await flow.fit(x, context: c, validation: Rows([], columns: 2))
    }
  }

  @Test("a state is refused by a run with other weights, validation rows or first parameters")
  func resuming() throws {
    let x = Self.normal(40)
    let model = try MAF(features: 2, hiddenFeatures: [8], seed: 1).model
    let judged = WeightedRows(x: Self.normal(8, seed: 6), weights: [1, 2, 3, 4])
    let weights = (0..<20).map { Float(1 + $0 % 2) }
    var state: TrainingCheckpoint?
    var first = model
    try first.fit(
      x, weights: weights, validation: judged, options: Self.options(epochs: 1),
      checkpoint: { state = $0 })
    func resumed(
      _ weights: [Float]?, _ judged: WeightedRows?, from start: Model? = nil
    ) throws -> Model {
      var other = start ?? model
      try other.fit(
        x, weights: weights, validation: judged, options: Self.options(epochs: 2), resume: state)
      return other
    }
    var whole = model
    try whole.fit(x, weights: weights, validation: judged, options: Self.options(epochs: 2))
    #expect(try resumed(weights, judged).values == whole.values)
    func refused(
      _ name: String, _ weights: [Float]?, _ judged: WeightedRows?, from start: Model? = nil
    ) {
      #expect(throws: TrainingMismatch.otherRun(name: name, found: nil, expected: nil)) {
        do {
          _ = try resumed(weights, judged, from: start)
        } catch TrainingMismatch.otherRun(let name, _, _) {
          throw TrainingMismatch.otherRun(name: name, found: nil, expected: nil)
        }
      }
    }
    refused("weights", nil, judged)
    refused("weights", weights.reversed(), judged)
    refused("validation-data", weights, nil)
    refused("validation-data", weights, WeightedRows(x: Self.normal(8), weights: [1, 2, 3, 4]))
    refused("validation-weights", weights, WeightedRows(x: judged.x))
    refused("from", weights, judged, from: whole)
  }
}
