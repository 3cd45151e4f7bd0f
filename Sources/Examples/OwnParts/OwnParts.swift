import FlowRuntime
import Flows
import Foundation

/// A flow of which nearly every part is the user's own: a transform, a base distribution, a
/// hyper-network and a lazy transform. It is compiled, fitted, saved, loaded and sampled like those of
/// the library.
@main
struct OwnParts {
  /// The modules, each in the scope under which its parameters are saved.
  static func build(_ scope: ModuleScope) throws -> any LazyDistribution {
    let transforms = scope.child("transform").child("transforms")
    return Flow(
      transforms: [
        try GeneralCouplingTransform(
          features: 2, context: 1, univariate: .sinhArcsinh,
          network: HyperNetwork { GatedNetwork($0, $1, in: $2) }, in: transforms.child("0")),
        Shear(features: 2, context: 1, in: transforms.child("1")),
        try MaskedAutoregressiveTransform(
          features: 2, context: 1, univariate: .sinhArcsinh, in: transforms.child("2")),
        try MaskedAutoregressiveTransform(
          features: 2, context: 1, order: [1, 0], in: transforms.child("3")),
      ],
      base: LazyStudentT(features: 2, in: scope.child("base")))
  }

  static func main() throws {
    let path = CommandLine.arguments.dropFirst().first ?? "own-parts.safetensors"
    var model = try Model(features: 2, context: 1, seed: 1, build)

    // Maximum likelihood on what a simulator draws.
    var generator = SeededGenerator(seed: 2)
    let data = simulate(20_000, &generator)
    var options = TrainingOptions()
    options.epochs = CommandLine.arguments.count > 2 ? Int(CommandLine.arguments[2]) ?? 20 : 20
    options.schedule = .cosine
    options.learningRate = 2e-3
    let report = try model.fit(data.x, context: data.c, options: options)
    print(String(format: "validation log-likelihood  %.3f", report.validationLogLikelihood ?? .nan))
    // E log p = -log(0.6 π) - 5/2 E log(1 + r²/3), and r has P(R > r) = (1 + r²/3)^(-3/2).
    print(String(format: "of the simulator           %.3f", -log(0.6 * Double.pi) - 5.0 / 3))
    try model.save(to: path)

    // The same closure builds the modules again; every tensor must be in the file, by its name.
    let loaded = try Model(path: path, features: 2, context: 1, build)
    print("parameters  \(loaded.parameters.count), such as \(loaded.parameters[0].name)")

    // Samples come with their log-density from one pass; scoring them gives the same.
    let rows = 10_000
    let context = HostArray([Float](repeating: 0.5, count: rows), shape: [rows, 1])
    let sampler = try compile(loaded.trace(.sample).optimized(), loaded)
    let seed = HostArray([1, 0] as [Int32], shape: [2])
    let drawn = try sampler(["seed": seed, "context": context], rows: rows)
    guard let x = drawn["x"], let logProb = drawn["log_prob"] else { return }
    let score = try loaded.compile([.rows("x", 2), .rows("c", 1)]) { inputs in
      let density = loaded.flow(inputs[1])
      let transform = loaded.flow.transform(inputs[1])
      let back = transform.inverse(transform(inputs[0]))
      return [
        ("log_prob", density.logProb(inputs[0])), ("error", abs(back - inputs[0]).max(axis: 0)),
      ]
    }
    let scored = try score(["x": x, "c": context], rows: rows)
    print(
      String(
        format: "log p of samples, sampled and scored: largest difference %.1e",
        largestDifference(logProb.doubles, scored["log_prob"]?.doubles ?? [])))
    print(
      String(
        format: "forward, then inverse: largest error %.1e",
        scored["error"]?.doubles.max() ?? .nan))

    // The derivative of log p with respect to x, beside a difference quotient.
    let slope = try compileGradient([.rows("x", 2), .rows("c", 1)], withRespectTo: ["x"]) {
      loaded.flow($0[1]).logProb($0[0])
    }
    var inputs = loaded.values
    inputs["x"] = HostArray([0.25, -0.5] as [Float], shape: [1, 2])
    inputs["c"] = HostArray([0.5] as [Float], shape: [1, 1])
    let gradient = try slope(inputs, rows: 1)["grad.x"]?.doubles ?? []
    let near = HostArray([0.26, -0.5, 0.24, -0.5] as [Float], shape: [2, 2])
    let pair = try score(
      ["x": near, "c": HostArray([0.5, 0.5] as [Float], shape: [2, 1])], rows: 2)
    let values = pair["log_prob"]?.doubles ?? [.nan, .nan]
    print(
      String(
        format: "d log p / dx₁  %.3f, by differences %.3f", gradient.first ?? .nan,
        (values[0] - values[1]) / 0.02))
  }

  /// Rows with heavy, skewed tails whose place and shape depend on a context in [-1, 1].
  static func simulate(
    _ rows: Int, _ generator: inout SeededGenerator
  ) -> (x: [Float], c: [Float]) {
    var (x, c): ([Float], [Float]) = ([], [])
    for _ in 0..<rows {
      let context = 2 * generator.uniform() - 1
      let radius = (3 * expm1(-2 / 3 * log(1 - generator.uniform()))).squareRoot()
      let angle = 2 * Double.pi * generator.uniform()
      let (a, b) = (radius * cos(angle), 0.3 * radius * sin(angle))
      c.append(Float(context))
      x += [Float(a + context), Float(b + sin(a) + 0.5 * context)]
    }
    return (x, c)
  }

  private static func largestDifference(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count ? zip(a, b).map { Swift.abs($0 - $1) }.max() ?? .nan : .nan
  }
}
