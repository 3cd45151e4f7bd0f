import FlowRuntime
import Flows
import Foundation

/// Learning a density from samples: the forward Kullback-Leibler divergence, which is smallest where
/// the mean of -log q(x|c) over the samples is.
func forwardKL(_ lesson: Lesson) throws {
  // Two moons, and which of them a point belongs to as the context.
  let flow = try NSF(features: 2, context: 1, transforms: 3, seed: 1)
  let trainer = try flow.model.trainer()
  var generator = SeededGenerator(seed: 2)
  func batch(_ rows: Int) -> [String: [Float]] {
    var (x, c): ([Float], [Float]) = ([], [])
    for _ in 0..<rows {
      let (point, label) = generator.moons()
      x += point
      c.append(label)
    }
    return ["x": x, "context": c]
  }
  try lesson.train(trainer, steps: 3000, rows: 512, learningRate: 2e-3) { batch(512) }
  var model = flow.model
  model.update(from: trainer)
  try model.save(to: lesson.folder + "/moons.safetensors")

  // Samples of each moon beside the data, and the density of each on a grid.
  let rows = 20_000
  try lesson.write("forward-kl-data", batch(rows)["x"] ?? [], columns: 2)
  let sampler = try compile(model.trace(.sample, sharedContext: true).optimized(), model)
  let score = try compile(model.trace(.logProb, sharedContext: true).optimized(), model)
  let side = 200
  let grid = Lesson.grid(from: -2, to: 3, side: side)
  for label in 0..<2 {
    let context = HostArray([Float(label)], shape: [1])
    let seed = HostArray([7, Int32(label)], shape: [2])
    let samples = try sampler(["seed": seed, "context": context], rows: rows)["x"]?.floats ?? []
    try lesson.write("forward-kl-samples-\(label)", samples, columns: 2)
    let x = HostArray(grid, shape: [side * side, 2])
    let logProb = try score(["x": x, "context": context], rows: side * side)["log_prob"]
    try lesson.write("forward-kl-density-\(label)", logProb?.floats ?? [], columns: 1)
    // On [-2, 3]² a density sums to one.
    let mass = (logProb?.doubles ?? []).reduce(0) { $0 + exp($1) } * 25 / Double(side * side)
    print(String(format: "moon %d: mass of the density on the grid %.4f", label, mass))
  }
}
