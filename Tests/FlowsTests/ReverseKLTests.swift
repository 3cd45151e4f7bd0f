import FlowIR
import FlowRuntime
import Testing

@testable import Flows

/// Gradients through sampling: the reverse Kullback-Leibler divergence from an unnormalised density.
@Suite struct ReverseKLTests {
  /// A bent density of three features, up to its normalisation.
  private func logDensity(_ x: Tensor) -> Tensor {
    let (a, b, c) = (x.slice(0, 1), x.slice(1, 2), x.slice(2, 3))
    let bent = square(b - 0.5 * square(a)) + square(c - tanh(a + b))
    return (-0.5 * square(a) - bent).reshaped([])
  }

  @Test(
    "the gradient through samples is the slope of the loss",
    arguments: [
      "MAF", "NSF", "NCSF", "NICE", "RealNVP", "SOSPF", "BPF", "GF", "NAF", "UNAF", "CNF",
      "GMM",
    ])
  func slope(type: String) throws {
    let precise = type == "CNF" ? #", "atol": 1e-10, "rtol": 1e-10"# : ""
    let transforms = ["CNF", "GMM"].contains(type) ? "" : #", "transforms": 2"#
    let model = try Model(
      FlowDescription(
        text: """
          {"type": "\(type)", "features": 3, "context": 2, "hidden_features": [8, 8], \
          "activation": "Tanh"\(transforms)\
          \(precise)}
          """), seed: 3)
    let function = trace(
      [.rows("context", 2), .seed()], dtype: .f64, parametersAreInputs: true
    ) { inputs in
      let (x, logProb) = model.flow(inputs[0]).rsampleAndLogProb(seed: inputs[1])
      return [("loss", (logProb - self.logDensity(x)).mean())]
    }
    let names = model.parameters.filter(\.isTrainable).map(\.name).filter { name in
      function.function.arguments.contains { $0.name == name }
    }
    let compiled = try CompiledFunction(
      function.gradient(of: "loss", withRespectTo: names))
    var generator = SeededGenerator(seed: 5)
    let rows = 50
    var inputs: [String: HostArray] = [:]
    var direction: [String: [Double]] = [:]
    for parameter in model.parameters {
      guard let array = model.values[parameter.name] else { continue }
      let moved = array.doubles.map {
        $0 + 0.1 * generator.normal() * (parameter.isTrainable ? 1 : 0)
      }
      inputs[parameter.name] = HostArray(moved, shape: array.shape)
      direction[parameter.name] = moved.map { _ in generator.normal() }
    }
    inputs["context"] = HostArray(
      (0..<rows * 2).map { _ in generator.normal() }, shape: [rows, 2])
    inputs["seed"] = HostArray([7, 0] as [Int32], shape: [2])
    func loss(at step: Double) throws -> Double {
      var moved = inputs
      for name in names {
        guard let array = inputs[name], let along = direction[name] else { continue }
        moved[name] = HostArray(
          zip(array.doubles, along).map { $0 + step * $1 }, shape: array.shape)
      }
      return try compiled(moved, rows: rows)["loss"]?.doubles.first ?? .nan
    }
    let result = try compiled(inputs, rows: rows)
    let exact = names.reduce(0.0) { sum, name in
      sum
        + zip(result["grad.\(name)"]?.doubles ?? [.nan], direction[name] ?? [.nan])
        .reduce(0) { $0 + $1.0 * $1.1 }
    }
    // Small steps seldom meet a kink of NAF's two-way ELU, or another choice of a mixture's component,
    // which has no derivative; an integration's error needs larger ones.
    let h = type == "CNF" ? 1e-3 : 3e-7
    let fine = try (loss(at: h) - loss(at: -h)) / (2 * h)
    let coarse = type == "CNF" ? try (loss(at: 2 * h) - loss(at: -2 * h)) / (4 * h) : fine
    let difference = (4 * fine - coarse) / 3  // Richardson's extrapolation
    #expect(abs(exact) > 1e-3)
    #expect(abs(exact - difference) < 1e-6 * max(abs(exact), 1), "\(exact) \(difference)")
  }
}
