import Flows
import Foundation

/// A lazy distribution written by hand: a normal distribution whose mean and deviation an MLP
/// gives for each context. It uses nothing that the library's own modules do not use.
struct GaussianModel: LazyDistribution {
  let hyper: MLP
  let features: Int

  init(features: Int, context: Int, in scope: ModuleScope) {
    hyper = MLP(context, 2 * features, hiddenFeatures: [64, 64], in: scope.child("hyper"))
    self.features = features
  }

  func callAsFunction(_ context: Tensor?) -> any Distribution {
    guard let context else { preconditionFailure("a Gaussian model needs a context") }
    let phi = hyper(context)
    return DiagNormal(
      loc: phi.slice(0, features), scale: exp(phi.slice(features, 2 * features)))
  }
}

/// Trains the model with Adam on -log q(x|c) for x = (sin c, cos c) plus noise that grows with c.
@main
struct GaussianModelExample {
  static func main() throws {
    var model = Model(features: 2, context: 1, seed: 1) {
      GaussianModel(features: 2, context: 1, in: $0)
    }
    let trainer = try model.trainer()
    var generator = SeededGenerator(seed: 2)
    for step in 1...2000 {
      let batch = simulate(256, &generator)
      let value = try trainer.step(
        ["x": batch.x, "context": batch.c], rows: 256, learningRate: 1e-3)
      if step % 500 == 0 { print(String(format: "step %4d  loss %.4f", step, value)) }
    }
    model.update(from: trainer)
    let test = simulate(100_000, &generator)
    let logProb = try model.compiled().logProb(
      Rows(test.x, columns: 2), context: Rows(test.c, columns: 1))
    let mean = logProb.reduce(0) { $0 + Double($1) } / Double(logProb.count)
    print(String(format: "test log-likelihood  %.4f nats", mean))
    print(String(format: "of the simulator     %.4f nats", test.logProb))
  }

  /// Rows from the simulator, and the mean of their true log-density.
  static func simulate(
    _ rows: Int, _ generator: inout SeededGenerator
  ) -> (x: [Float], c: [Float], logProb: Double) {
    var (x, c): ([Float], [Float]) = ([], [])
    var total = 0.0
    for _ in 0..<rows {
      let context = generator.uniform() * 2 - 1
      let deviation = 0.2 + 0.1 * context
      c.append(Float(context))
      for mean in [sin(context), cos(context)] {
        let radius = (-2 * log(1 - generator.uniform())).squareRoot()
        let noise = radius * cos(2 * Double.pi * generator.uniform())
        x.append(Float(mean + deviation * noise))
        total += -0.5 * noise * noise - log(deviation) - 0.5 * log(2 * Double.pi)
      }
    }
    return (x, c, total / Double(rows))
  }
}
