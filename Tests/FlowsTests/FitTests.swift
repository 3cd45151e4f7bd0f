import FlowFiles
import Foundation
import Testing

@testable import Flows

/// Which rows a fit trains on, and on which it judges.
@Suite struct FitTests {
  private static func normal(_ count: Int, seed: UInt64 = 0) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float(generator.normal()) }
  }

  /// A flow of the logarithm, which gives no density to a zero.
  private static let logarithm =
    #"""
    {"type": "Flow", "features": 1, "context": 0, "transform": [
      {"type": "UnconditionalTransform", "f": {"type": "ExpTransform", "inverse": true}},
      {"type": "MaskedAutoregressiveTransform", "features": 1}
    ], "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}, "buffer": true}}
    """#

  private static func model(_ description: String) throws -> Model {
    try Model(FlowDescription(text: description), seed: 1)
  }

  @Test(
    "small data have small batches unless a size is given",
    arguments: [
      (20, 20), (1000, 64), (16_383, 64), (16_384, 128), (65_536, 512), (1_000_000, 512),
    ])
  func chosenBatch(rows: Int, expected: Int) throws {
    var options = TrainingOptions()
    #expect(options.batchSize(rows: rows) == expected)
    options.batchSize = 100
    #expect(options.batchSize(rows: rows) == min(rows, 100))
  }

  @Test("the last, smaller batch of an epoch is trained too")
  func lastBatch() throws {
    let x = Self.normal(1023).map { 5 + 0.01 * $0 }
    var model = try Self.model(#"{"type": "MAF", "features": 1}"#)
    let before = model.values
    var options = TrainingOptions()
    options.epochs = 1
    options.validation = 0
    options.batchSize = 512
    options.learningRate = 1e-4
    var progress: [TrainingProgress] = []
    var checkpoints: [TrainingCheckpoint] = []
    try model.fit(
      x, options: options, checkpoint: { checkpoints.append($0) },
      progress: { progress.append($0) })
    #expect(checkpoints.map(\.steps) == [2])
    #expect(progress.last?.batch == 2 && progress.last?.batches == 2)
    // A step of Adam moves a parameter whose gradient keeps its sign by the learning rate.
    let moved = model.values.map { name, array in
      zip(array.floats, before[name]?.floats ?? []).map { abs($0 - $1) }.max() ?? 0
    }
    #expect((moved.max() ?? 0) > 1.5e-4)
  }

  @Test("a batch of fewer rows is a step on these rows alone, at any number of threads")
  func smallBatch() throws {
    let x = Self.normal(300)
    func stepped(_ rows: [[Float]], threads: Int) throws -> [String: [Float]] {
      let trainer = try Self.model(#"{"type": "MAF", "features": 1}"#).trainer()
      for rows in rows {
        try trainer.step(["x": rows], rows: rows.count, learningRate: 1e-2, threads: threads)
      }
      return trainer.state
    }
    let (most, rest) = (Array(x.prefix(299)), [x[299]])
    let wanted = try stepped([most, rest], threads: 1)
    #expect(try stepped([most, rest], threads: 3) == wanted)
    #expect(try stepped([most, [rest[0] + 1]], threads: 1) != wanted)
    #expect(wanted.values.allSatisfy { $0.allSatisfy(\.isFinite) })
  }

  @Test("a last batch of rows without a density makes no step and no error")
  func lastBatchWithoutDensity() throws {
    // The order in which the rows are gone through differs between epochs: with 9 rows in batches of
    // 8 and 20 epochs, the row at 1e20 is alone in a batch of some epoch.
    var x = Self.normal(9)
    x[4] = 1e20
    var model = try Self.model(#"{"type": "NSF", "features": 1}"#)
    var options = TrainingOptions()
    options.epochs = 20
    options.batchSize = 8
    options.validation = 0
    var steps = 0
    let report = try model.fit(x, options: options, checkpoint: { steps = $0.steps })
    #expect(report.epochs == 20 && report.trainRowsWithoutDensity == 1)
    #expect(steps < 40, "some batch had no row with a density")
    #expect(model.values.values.allSatisfy { $0.floats.allSatisfy(\.isFinite) })
  }

  @Test(
    "the best epoch is judged on the rows that have a density, and the others are counted",
    arguments: ["fill value", "log of zero"])
  func rowsWithoutDensity(kind: String) throws {
    // Untrained flows are near the identity, so that there is something to learn.
    var x = Self.normal(500).map { 1 + 0.5 * $0 }
    var model: Model
    if kind == "fill value" {
      for row in stride(from: 0, to: 500, by: 10) { x[row] = 1e20 }
      model = try Self.model(#"{"type": "NSF", "features": 1}"#)
    } else {
      x = x.map(exp)
      for row in stride(from: 0, to: 500, by: 10) { x[row] = 0 }
      model = try Self.model(Self.logarithm)
    }
    var options = TrainingOptions()
    options.epochs = 20
    options.batchSize = 50
    options.threads = 1
    var progress: [TrainingProgress] = []
    var last: TrainingCheckpoint?
    let report = try model.fit(
      x, options: options, checkpoint: { last = $0 }, progress: { progress.append($0) })
    #expect(report.bestEpoch > 1)
    let validation = try #require(report.validationLogLikelihood)
    #expect(validation.isFinite && validation == last?.bestValidation)
    #expect(report.trainLogLikelihood.isFinite)
    #expect(report.trainRows == 450 && report.validationRows == 50)
    #expect(report.trainRowsWithoutDensity + report.validationRowsWithoutDensity == 50)
    #expect(report.validationRowsWithoutDensity > 0)
    #expect(
      progress.last?.validationRowsWithoutDensity == report.validationRowsWithoutDensity)
  }

  @Test("where no epoch is better, the parameters stay, and patience counts from the start")
  func neverBetter() throws {
    let x = (0..<500).map { sin(Float($0)) }
    var model = try Self.model(#"{"type": "MAF", "features": 1}"#)
    let before = model.values
    var options = TrainingOptions()
    (options.epochs, options.patience, options.learningRate) = (9, 3, 10)
    var last: TrainingCheckpoint?
    let report = try model.fit(x, options: options, checkpoint: { last = $0 })
    #expect(report.bestEpoch == 0 && report.epochs == 3)
    for (name, values) in before { #expect(model.values[name]?.floats == values.floats, "\(name)") }
    #expect(last?.bestEpoch == 0 && last?.bestValidation == report.validationLogLikelihood)
    // From its state, a run goes on to the same end.
    options.patience = 5
    var again = try Self.model(#"{"type": "MAF", "features": 1}"#)
    let resumed = try again.fit(x, options: options, resume: last)
    #expect(resumed.bestEpoch == 0 && resumed.epochs == 5)
    #expect(again.values.allSatisfy { before[$0.key]?.floats == $0.value.floats })
  }

  @Test("an epoch that changes nothing is as good as the start, and is said not to be better")
  func unchanged() throws {
    let x = (0..<500).map { sin(Float($0)) }
    var model = try Self.model(#"{"type": "MAF", "features": 1}"#)
    var options = TrainingOptions()
    (options.epochs, options.learningRate) = (2, 1e-30)
    let report = try model.fit(x, options: options)
    #expect(report.bestEpoch == 1 && !report.isImproved)
    options.learningRate = 1e-3
    #expect(try model.fit(x, options: options).isImproved)
  }

  @Test("likelihoods are worse if they are so by more than chance explains")
  func worse() {
    let base = (0..<100).map { sin(Double($0)) }
    func moved(_ shift: (Int) -> Double) -> Likelihoods {
      Likelihoods(base.enumerated().map { $1 + shift($0) })
    }
    let start = Likelihoods(base)
    #expect(!start.isWorse(than: start) && !moved { _ in 0.1 }.isWorse(than: start))
    #expect(moved { _ in -1e-9 }.isWorse(than: start))
    // The standard error of the mean is 0.1.
    #expect(!moved { ($0 % 2 == 0 ? 1 : -1) - 0.25 }.isWorse(than: start))
    #expect(moved { ($0 % 2 == 0 ? 1 : -1) - 0.35 }.isWorse(than: start))
    // One row decides mean and standard error alike.
    #expect(moved { $0 == 7 ? -1000 : 0 }.isWorse(than: start))
    #expect(Likelihoods([-.infinity]).isWorse(than: Likelihoods([-1])))
    #expect(!Likelihoods([-1]).isWorse(than: Likelihoods([-.infinity])))
  }

  @Test("parameters are not better because a row has lost its density")
  func comparison() {
    let whole = Likelihoods([-1, -9, -2])
    #expect(!Likelihoods([-1.5, -.infinity, -2.5]).isBetter(than: whole))
    #expect(Likelihoods([-0.5, .nan, -1.5]).isBetter(than: whole))
    #expect(!whole.isBetter(than: whole))
    let none = Likelihoods([.nan, -.infinity, .infinity])
    #expect(none.missing == 3 && none.mean == -.infinity && !none.hasAny)
    #expect(whole.isBetter(than: none) && !none.isBetter(than: whole) && !none.isBetter(than: none))
  }
}
