import Flows
import Foundation

/// Distributions, transforms, and modules that give them for a context.
func basics(_ lesson: Lesson) throws {
  // A closure over tensors is traced once and compiled; a distribution or a transform is a value in
  // it. Here a normal distribution of three features scores its own samples.
  let normal = try compile(.seed()) { seed in
    let distribution = DiagNormal(
      loc: seed.trace.constant([0, 1, 2], shape: [3]),
      scale: seed.trace.constant([1, 0.5, 2], shape: [3]))
    let (x, logProb) = distribution.sampleAndLogProb(seed: seed)
    return (x, logProb)
  }
  let (drawn, density) = try normal(1 << 32, rows: 4)
  show("samples of a normal distribution", drawn, columns: 3)
  show("their log-densities", density, columns: 4)

  // A transform gives y = f(x) and log|det df/dx|, and the same for its inverse.
  let softclip = try compile(.rows("x", 1)) { x in
    let transform = SoftclipTransform(bound: 5)
    let (y, ladj) = transform.callAndLadj(x)
    return (y, ladj, transform.inverse(y))
  }
  let (clipped, ladj, back) = try softclip([[-20], [-1], [0], [1], [20]])
  show("x clipped softly to [-5, 5]", clipped, columns: 5)
  show("the logs of the slopes", ladj, columns: 5)
  show("and back", back, columns: 5)

  // A lazy transform is a module: it holds parameters and builds the transform for a context. The
  // masks of this one let each feature depend on those before it in the order 1, 2, 0.
  let modules = try Parameterized(seed: 1) { scope in
    Flow(
      transform: try MaskedAutoregressiveTransform(
        features: 3, context: 2, order: [2, 0, 1], in: scope.child("transform")),
      base: UnconditionalDistribution.diagNormal(features: 3, in: scope.child("base")))
  }
  let flow = modules.base
  let x: Rows<Float> = [[0.5, -1, 2]]
  let c: Rows<Float> = [[1, 0]]

  // Its Jacobian is triangular in that order, so that its determinant is a product.
  let jacobian = try modules.compile(.rows("x", 3), .rows("c", 2)) { x, c in
    flow.transform(c).jacobian(x)
  }
  show("the Jacobian of an autoregressive transform", try jacobian(x, c), columns: 3)

  // A flow is a lazy transform and a base: log p(x|c) = log p_base(f(x)) + log|det df/dx|.
  let score = try modules.compile(.rows("x", 3), .rows("c", 2)) { x, c in flow(c).logProb(x) }
  show("log p(x|c)", try score(x, c), columns: 1)

  // The derivative of any closure with respect to its inputs.
  let (_, (dx, dc)) = try gradient(of: score)(x, c)
  show("its gradient with respect to x", dx.values, columns: 3)
  show("and to c", dc.values, columns: 2)
}

private func show(_ title: String, _ numbers: [Float], columns: Int) {
  print("\(title):")
  for start in stride(from: 0, to: numbers.count, by: columns) {
    print("  " + numbers[start..<start + columns].map { String(format: "%8.4f", $0) }.joined())
  }
}
