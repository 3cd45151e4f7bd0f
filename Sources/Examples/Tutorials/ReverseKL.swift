import Flows
import Foundation

/// Learning to sample from a density that is known up to a factor: the reverse Kullback-Leibler
/// divergence, the mean of log q(x) - log p(x) over samples x of q, which is differentiated through the
/// sampling.
func reverseKL(_ lesson: Lesson) throws {
  // log p(x) up to a constant: a ring of radius √2 whose weight goes with x₁.
  func logDensity(_ x: Tensor) -> Tensor {
    let radius = square(x).sum(axis: 0) - 2
    return (sin(Double.pi * x.slice(0, 1)).reshaped([]) - 2 * square(radius))
  }
  var flow = try NSF(features: 2, transforms: 3, seed: 1)
  let trainer = try flow.trainer([.seed()]) { [flow] inputs in
    let (x, logProb) = flow(nil).sampleAndLogProb(seed: inputs[0])
    return (logProb - logDensity(x)).mean()
  }
  try lesson.train(trainer, steps: 4000, rows: 256, learningRate: 2e-3) { [:] }

  // The evidence log Z by importance sampling: the mean of p/q over samples of q.
  flow.update(from: trainer)
  let weigh = try flow.compile(.seed()) { [flow] seed in
    let (x, logProb) = flow(nil).sampleAndLogProb(seed: seed)
    return (x, logDensity(x) - logProb)
  }
  let rows = 200_000
  let (x, logWeights) = try weigh(3 + 4 << 32, rows: rows)
  let weights = logWeights.map { exp(Double($0)) }
  let sum = weights.reduce(0, +)
  let squares = weights.reduce(0) { $0 + $1 * $1 }
  let exact = logEvidence()
  print(String(format: "log Z by importance sampling  %.4f", log(sum / Double(rows))))
  print(String(format: "log Z by quadrature           %.4f", exact))
  print(String(format: "effective share of samples    %.3f", sum * sum / squares / Double(rows)))
  try lesson.write("reverse-kl-samples", Array(x.prefix(40_000)), columns: 2)

  let side = 200
  let grid = Lesson.grid(from: -2.5, to: 2.5, side: side)
  let score = try flow.compile(.rows("x", 2)) { x in
    Tensor.concatenate(
      [logDensity(x) - exact, flow(nil).logProb(x)].map { $0.reshaped([1]) })
  }
  try lesson.write("reverse-kl-density", try score(Rows(grid, columns: 2)), columns: 2)
}

/// log Z of the ring by the midpoint rule.
private func logEvidence() -> Double {
  let side = 2000
  var sum = 0.0
  for i in 0..<side {
    for j in 0..<side {
      let (x, y) = ((Double(i) + 0.5) / Double(side), (Double(j) + 0.5) / Double(side))
      let (a, b) = (6 * x - 3, 6 * y - 3)
      let radius = a * a + b * b - 2
      sum += exp(sin(Double.pi * a) - 2 * radius * radius)
    }
  }
  return log(sum * 36 / Double(side * side))
}
