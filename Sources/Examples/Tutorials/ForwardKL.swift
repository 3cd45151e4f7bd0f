import Flows
import Foundation

/// Learning a density from samples: the forward Kullback-Leibler divergence, which is smallest where
/// the mean of -log q(x|c) over the samples is.
func forwardKL(_ lesson: Lesson) throws {
  // Two moons, and which of them a point belongs to as the context.
  var flow = try NSF(features: 2, context: 1, transforms: 3, seed: 1)
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
  flow.update(from: trainer)
  try flow.save(to: lesson.folder + "/moons.safetensors")

  // Samples of each moon beside the data, and the density of each on a grid.
  let rows = 20_000
  try lesson.write("forward-kl-data", batch(rows)["x"] ?? [], columns: 2)
  let compiled = try flow.compiled()
  let side = 200
  let grid = Rows(Lesson.grid(from: -2, to: 3, side: side), columns: 2)
  for label in 0..<2 {
    let context: Rows = [[Float(label)]]
    let draw = try compiled.sample(rows, context: context, seed: 7 + UInt64(label) << 32)
    try lesson.write("forward-kl-samples-\(label)", draw.x.values, columns: 2)
    let logProb = try compiled.logProb(grid, context: context)
    try lesson.write("forward-kl-density-\(label)", logProb, columns: 1)
    // On [-2, 3]² a density sums to one.
    let mass = logProb.reduce(0) { $0 + exp(Double($1)) } * 25 / Double(side * side)
    print(String(format: "moon %d: mass of the density on the grid %.4f", label, mass))
  }
}
