import Flows
import Foundation
import Testing

/// Weights that make samples of one density those of another.
@Suite struct ImportanceWeightsTests {
  /// Quantiles of a Pareto distribution in an order without a pattern.
  private func pareto(_ k: Double, _ count: Int) -> [Double] {
    (1...count).map { index in
      let place = Double(index) * 0.6180339887498949
      return -k * log1p(-(place - place.rounded(.down)))
    }
  }

  struct Reference: Sendable {
    let shape: Double
    let count: Int
    let k: Double
    let squares: Double
    let largest: Double
    let size: Double
  }

  /// What ArviZ 0.23.4 gives: `psislw`, and the sum of squares and the largest of its weights.
  static let references = [
    Reference(
      shape: 0.3, count: 1_000, k: 0.33685397318586036, squares: 0.0012065227050370624,
      largest: 0.007047369135692388, size: 830.7899058332249),
    Reference(
      shape: 0.9, count: 1_000, k: 0.8602743264669039, squares: 0.02824741949621158,
      largest: 0.1423490821351557, size: 26.376638989895785),
    Reference(
      shape: 0.5, count: 40, k: 0.41451982448916674, squares: 0.034427268611922204,
      largest: 0.09532417344385676, size: 29.26955188099878),
    Reference(
      shape: 1.4, count: 5_000, k: 1.3002491276793955, squares: 0.1776434148432233,
      largest: 0.3924924685689654, size: 5.845820307027423),
  ]

  @Test("Pareto k and smoothed weights are ArviZ's to 9 digits", arguments: references)
  func smoothing(reference: Reference) {
    let logs = pareto(reference.shape, reference.count)
    let weights = ImportanceWeights(logWeights: logs.map { $0 - 700 })
    func close(_ one: Double, _ other: Double) -> Bool { abs(one / other - 1) < 1e-9 }
    #expect(close(weights.paretoK, reference.k))
    let smoothed = weights.smoothed
    #expect(close(smoothed.reduce(0, +), 1))
    #expect(close(smoothed.reduce(0) { $0 + $1 * $1 }, reference.squares))
    #expect(close(smoothed.max() ?? 0, reference.largest))
    #expect(close(weights.effectiveSampleSize, reference.size))
  }

  @Test("a shifted normal has the closed form's size and constant, within 5 standard errors")
  func normal() {
    var generator = SeededGenerator(seed: 8)
    let (count, shift) = (40_000, 0.5)
    let x = (0..<count).map { _ in generator.normal() }
    // The target is 7 times N(shift, 1): the mean of the squared weights over that of the weights, squared, is exp(shift²).
    let target = x.map { log(7) - ($0 - shift) * ($0 - shift) / 2 }
    let weights = ImportanceWeights(logTarget: target, logProb: x.map { -$0 * $0 / 2 })
    let share = weights.effectiveSampleSize / Double(count)
    #expect(abs(share - exp(-shift * shift)) < 0.02)
    #expect(abs(weights.logMean - log(7)) < 5 * weights.logMeanError)
    let error = ((exp(shift * shift) - 1) / Double(count)).squareRoot()
    #expect(abs(weights.logMeanError / error - 1) < 0.05)
    #expect(weights.paretoK < 0.5 && weights.invalid.isEmpty)
    #expect(abs(weights.normalized.reduce(0, +) - 1) < 1e-12)
  }

  @Test("numbers that are no weights are named and take no part")
  func invalid() {
    let weights = ImportanceWeights(
      logTarget: [0, .nan, .infinity, -.infinity, 0.0], logProb: [0, 0, 0, 0, 0.0])
    #expect(weights.invalid == [1, 2] && weights.count == 3)
    let values = weights.normalized
    #expect(
      values[0] == 0.5 && values[1].isNaN && values[2].isNaN && values[3] == 0 && values[4] == 0.5)
    #expect(weights.effectiveSampleSize == 2 && weights.paretoK == .infinity)
    #expect(abs(weights.logMean - log(2.0 / 3)) < 1e-15)
    #expect(weights.smoothed.filter { !$0.isNaN } == [0.5, 0, 0.5])
    let none = ImportanceWeights(logWeights: [-.infinity, -.infinity])
    #expect(none.effectiveSampleSize == 0 && none.normalized.allSatisfy(\.isNaN))
    #expect(none.logMean == -.infinity)
    #expect(ImportanceWeights(logWeights: []).effectiveSampleSize == 0)
  }
}
