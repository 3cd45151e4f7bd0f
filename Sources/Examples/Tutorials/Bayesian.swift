import Flows
import Foundation

/// A flow that knows what it does not know: a posterior over its parameters, learned from few points.
/// The loss is the mean of -log q(x) plus the divergence of the posterior from its prior, a share of it
/// for each point.
func bayesian(_ lesson: Lesson) throws {
  let architecture = try NSF(features: 2, transforms: 3, hiddenFeatures: [32, 32])
  var model = try Parameterized(seed: 1) { scope in
    try BayesianModel(in: scope, initialLogVariance: -9) { try Flow(architecture, in: $0) }
  }
  let flow = model.base
  var generator = SeededGenerator(seed: 2)
  let points = 256
  let data = (0..<points).flatMap { _ in generator.moons(noise: 0.1).point }

  let trainer = try model.trainer([.rows("x", 2), .seed()]) { inputs in
    let logProb = flow.reparameterize(seed: inputs[1], localTrick: true) {
      $0(nil).logProb(inputs[0])
    }
    return flow.klDivergence() * (0.01 / Double(points)) - logProb.mean()
  }
  try lesson.train(trainer, steps: 4000, rows: points, learningRate: 2e-3) { ["x": data] }
  model.update(from: trainer)

  // The density of many drawn models on a grid: their mean, and how far they disagree.
  let side = 120
  let grid = Rows(Lesson.grid(from: -2, to: 3, side: side), columns: 2)
  let score = try model.compile(.rows("x", 2)) { exp(flow.base(nil).logProb($0)) }
  var mean = [Double](repeating: 0, count: side * side)
  var square = mean
  let models = 50
  for seed in 0..<models {
    let drawn = flow.sampled(from: model.values, seed: UInt64(seed))
    let density = try score.with(parameters: drawn)(grid)
    for (index, value) in density.map(Double.init).enumerated() {
      mean[index] += value / Double(models)
      square[index] += value * value / Double(models)
    }
  }
  let deviation = zip(mean, square).map { max($1 - $0 * $0, 0).squareRoot() }
  let mass = mean.reduce(0, +) * 25 / Double(side * side)
  print(String(format: "mass of the mean density on the grid %.4f", mass))
  try lesson.write("bayesian-data", data, columns: 2)
  try lesson.write(
    "bayesian-density", zip(mean, deviation).flatMap { [Float($0), Float($1)] }, columns: 2)
}
