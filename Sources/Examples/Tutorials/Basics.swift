import FlowRuntime
import Flows
import Foundation

/// Distributions, transforms, and modules that give them for a context.
func basics(_ lesson: Lesson) throws {
  // A closure over tensors is traced once and compiled; a distribution or a transform is a value in
  // it. Here a normal distribution of three features scores its own samples.
  let normal = trace([.seed()]) { inputs in
    let trace = inputs[0].trace
    let distribution = DiagNormal(
      loc: trace.constant([0, 1, 2], shape: [3]), scale: trace.constant([1, 0.5, 2], shape: [3]))
    let (x, logProb) = distribution.sampleAndLogProb(seed: inputs[0])
    return [("x", x), ("log_prob", logProb)]
  }
  let seed = HostArray([0, 1] as [Int32], shape: [2])
  let drawn = try CompiledFunction(normal.optimized())(["seed": seed], rows: 4)
  show("samples of a normal distribution", drawn["x"], columns: 3)
  show("their log-densities", drawn["log_prob"], columns: 4)

  // A transform gives y = f(x) and log|det df/dx|, and the same for its inverse.
  let softclip = try CompiledFunction(
    trace([.rows("x", 1)]) { inputs in
      let transform = SoftclipTransform(bound: 5)
      let (y, ladj) = transform.callAndLadj(inputs[0])
      return [("y", y), ("ladj", ladj), ("back", transform.inverse(y))]
    }.optimized())
  let clipped = try softclip(
    ["x": HostArray([-20, -1, 0, 1, 20] as [Float], shape: [5, 1])], rows: 5)
  show("x clipped softly to [-5, 5]", clipped["y"], columns: 5)
  show("the logs of the slopes", clipped["ladj"], columns: 5)
  show("and back", clipped["back"], columns: 5)

  // A lazy transform is a module: it holds parameters and builds the transform for a context. The
  // masks of this one let each feature depend on those before it in the order 1, 2, 0.
  let scope = ModuleScope.root(seed: 1)
  let lazy = try MaskedAutoregressiveTransform(
    features: 3, context: 2, order: [2, 0, 1], in: scope.child("transform"))
  let base = UnconditionalDistribution.diagNormal(features: 3, in: scope.child("base"))
  let flow = Flow(transform: lazy, base: base)
  var values = initialValues(of: scope.registry.parameters, seed: 1)
  values["x"] = HostArray([0.5, -1, 2] as [Float], shape: [1, 3])
  values["c"] = HostArray([1, 0] as [Float], shape: [1, 2])

  // Its Jacobian is triangular in that order, so that its determinant is a product.
  let jacobian = try compile(.rows("x", 3), .rows("c", 2)) { x, c in lazy(c).jacobian(x) }
  show(
    "the Jacobian of an autoregressive transform", try jacobian(values, rows: 1)["result"],
    columns: 3)

  // A flow is a lazy transform and a base: log p(x|c) = log p_base(f(x)) + log|det df/dx|.
  let score = try compile(.rows("x", 3), .rows("c", 2)) { x, c in flow(c).logProb(x) }
  show("log p(x|c)", try score(values, rows: 1)["result"], columns: 1)

  // The derivative of any closure with respect to inputs and parameters.
  let slope = try compileGradient([.rows("x", 3), .rows("c", 2)], withRespectTo: ["x", "c"]) {
    flow($0[1]).logProb($0[0])
  }
  let gradient = try slope(values, rows: 1)
  show("its gradient with respect to x", gradient["grad.x"], columns: 3)
  show("and to c", gradient["grad.c"], columns: 2)
}

private func show(_ title: String, _ array: HostArray?, columns: Int) {
  print("\(title):")
  let numbers = array?.doubles ?? []
  for start in stride(from: 0, to: numbers.count, by: columns) {
    print("  " + numbers[start..<start + columns].map { String(format: "%8.4f", $0) }.joined())
  }
}
