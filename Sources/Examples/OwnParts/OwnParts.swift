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
    let context = Rows([Float](repeating: 0.5, count: rows), columns: 1)
    let draw = try loaded.compiled().sample(rows, context: context, seed: 1)
    let score = try loaded.compile(.rows("x", 2), .rows("c", 1)) { x, c in loaded.flow(c).logProb(x)
    }
    let undo = try loaded.compile(.rows("x", 2), .rows("c", 1)) { x, c in
      let transform = loaded.flow.transform(c)
      return abs(transform.inverse(transform(x)) - x).max(axis: 0)
    }
    print(
      String(
        format: "log p of samples, sampled and scored: largest difference %.1e",
        largestDifference(draw.logProb, try score(draw.x, context))))
    print(
      String(
        format: "forward, then inverse: largest error %.1e",
        try undo(draw.x, context).max() ?? .nan))

    // The derivative of log p with respect to x, beside a difference quotient.
    let (_, (slope, _)) = try gradient(of: score)([[0.25, -0.5]], [[0.5]])
    let near = try score([[0.26, -0.5], [0.24, -0.5]], [[0.5], [0.5]])
    print(
      String(
        format: "d log p / dx₁  %.3f, by differences %.3f", slope[0][0], (near[0] - near[1]) / 0.02)
    )
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

  private static func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    a.count == b.count ? zip(a, b).map { Swift.abs($0 - $1) }.max() ?? .nan : .nan
  }
}
