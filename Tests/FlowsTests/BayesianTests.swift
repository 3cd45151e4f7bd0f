import FlowIR
import FlowRuntime
import Testing

@testable import Flows

@Suite struct BayesianTests {
  private func model(
    include: [String] = [""], exclude: [String] = []
  ) throws -> (BayesianModel<Flow>, [Parameter]) {
    let scope = ModuleScope.root()
    let description = try FlowDescription(
      text: #"{"type": "NSF", "features": 2, "transforms": 2, "hidden_features": [16, 16]}"#)
    let model = try BayesianModel(in: scope, include: include, exclude: exclude) {
      try Flow(description, in: $0)
    }
    return (model, scope.registry.parameters)
  }

  @Test("parameters have Zuko's names; prefixes choose them")
  func names() throws {
    let (_, parameters) = try model()
    let names = Set(parameters.map(\.name))
    #expect(names.contains("base.transform.transforms.0.hyper.0.weight"))
    #expect(names.contains("means.transform-transforms-0-hyper-0-weight"))
    #expect(names.contains("logvars.transform-transforms-1-hyper-4-bias"))
    #expect(names.filter { $0.hasPrefix("means.") }.count == 12)

    let (_, some) = try model(
      include: ["transform.transforms.*.hyper.0", "**.4"], exclude: ["**.bias"])
    #expect(
      Set(some.map(\.name).filter { $0.hasPrefix("means.") })
        == [
          "means.transform-transforms-0-hyper-0-weight",
          "means.transform-transforms-0-hyper-4-weight",
          "means.transform-transforms-1-hyper-0-weight",
          "means.transform-transforms-1-hyper-4-weight",
        ])
    #expect(throws: FlowError.self) { try model(include: ["hyper[0]"]) }
  }

  @Test("the divergence is that of normal distributions")
  func divergence() throws {
    let (flow, parameters) = try model()
    let function = trace([.rows("x", 2)], dtype: .f64) { _ in
      [("kl", flow.klDivergence(priorVariance: 2))]
    }
    let values = initialValues(of: parameters, seed: 1)
    let found = try CompiledFunction(.withoutPasses(function.function))(
      values.merging(["x": HostArray([0.0, 0], shape: [1, 2])]) { a, _ in a }, rows: 1)["kl"]
    var exact = 0.0
    for (name, mean) in values where name.hasPrefix("means.") {
      let key = "logvars." + name.dropFirst("means.".count)
      for (mu, value) in zip(mean.doubles, values[key]?.doubles ?? []) {
        let logVariance = value / (1 + value * value / 324).squareRoot()
        exact += 0.5 * ((expOf(logVariance) + mu * mu) / 2 + logOf(2) - logVariance - 1)
      }
    }
    #expect(abs((found?.doubles.first ?? .nan) - exact) < 1e-10 * exact)
  }

  @Test(
    "draws of weights and of outputs have the same mean and spread", arguments: [false, true])
  func draws(localTrick: Bool) throws {
    let scope = ModuleScope.root()
    let layer = try BayesianModel(in: scope, initialLogVariance: -2) {
      MaskedLinear(Mask(rows: 2, columns: 3, bits: [true, true, false, false, true, true]), in: $0)
    }
    let values = initialValues(of: scope.registry.parameters, seed: 1)
    let function = trace([.rows("x", 3), .seed()], dtype: .f64) { inputs in
      layer.reparameterize(seed: inputs[1], localTrick: localTrick) {
        // Twice the same within one draw.
        [("y", $0(inputs[0])), ("same", $0(inputs[0]) - $0(inputs[0]))]
      }
    }
    let compiled = try CompiledFunction(function.optimized())
    let x = [0.5, -1.0, 2.0]
    let rows = 20
    var sums = [0.0, 0]
    var squares = [0.0, 0]
    var isAlike = true
    let draws = 2000
    for seed in 0..<draws {
      var inputs = values
      inputs["x"] = HostArray((0..<rows).flatMap { _ in x }, shape: [rows, 3])
      inputs["seed"] = HostArray([Int32(seed), 5], shape: [2])
      let result = try compiled(inputs, rows: rows)
      #expect(result["same"]?.doubles.allSatisfy { $0 == 0 } == true)
      let y = try #require(result["y"]?.doubles)
      isAlike = isAlike && (1..<rows).allSatisfy { y[2 * $0] == y[0] }
      for j in 0..<2 {
        sums[j] += y[j]
        squares[j] += y[j] * y[j]
      }
    }
    #expect(isAlike != localTrick)
    let weights = values["means.weight"]?.doubles ?? []
    let biases = values["means.bias"]?.doubles ?? []
    let spread =
      values["logvars.weight"]?.doubles.map { value in
        expOf(value / (1 + value * value / 324).squareRoot())
      }[0] ?? .nan
    for j in 0..<2 {
      let mean = biases[j] + (j...j + 1).reduce(0) { $0 + weights[3 * j + $1] * x[$1] }
      let variance = spread * (1 + (j...j + 1).reduce(0) { $0 + x[$1] * x[$1] })
      let found = sums[j] / Double(draws)
      #expect(abs(found - mean) < 4 * (variance / Double(draws)).squareRoot())
      let foundVariance = squares[j] / Double(draws) - found * found
      #expect(abs(foundVariance / variance - 1) < 4 * (2 / Double(draws)).squareRoot())
    }
  }

  @Test("training a posterior lowers the loss, and drawn models score", arguments: [false, true])
  func training(localTrick: Bool) throws {
    let (flow, parameters) = try model(exclude: ["**.bias"])
    let loss = trace([.rows("x", 2), .seed()], parametersAreInputs: true) { inputs in
      let logProb = flow.reparameterize(seed: inputs[1], localTrick: localTrick) {
        $0(nil).logProb(inputs[0])
      }
      return [("loss", flow.klDivergence() / 1e5 - logProb.mean())]
    }
    let trainer = try Trainer(
      loss: loss, parameters: parameters, values: initialValues(of: parameters, seed: 1))
    var generator = SeededGenerator(seed: 2)
    func batch(_ rows: Int) -> [Float] {
      (0..<rows).flatMap { _ in
        let a = generator.normal()
        return [Float(a), Float(a * a / 2 + 0.1 * generator.normal())]
      }
    }
    var losses: [Float] = []
    for _ in 0..<200 {
      losses.append(try trainer.step(["x": batch(256)], rows: 256, learningRate: 3e-3))
    }
    #expect(losses.suffix(20).reduce(0, +) / 20 < losses[0] - 0.5)

    let score = try compile(
      .rows("x", 2), parameters: initialValues(of: parameters, seed: 1)
    ) { flow.base(nil).logProb($0) }
    let test = batch(1000)
    var means: [Double] = []
    for seed in 0..<3 {
      var values = initialValues(of: parameters, seed: 1).merging(trainer.values) { $1 }
      values = flow.sampled(from: values, seed: UInt64(seed))
      let logProb = try score.with(parameters: values)(Rows(test, columns: 2))
      means.append(logProb.reduce(0) { $0 + Double($1) } / 1000)
    }
    #expect(Set(means).count == 3)
    #expect(means.allSatisfy { $0 > -Double(losses[0]) + 0.5 })
  }
}
