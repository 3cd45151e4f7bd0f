import FlowFiles
import FlowIR
import FlowRuntime
import Flows
import Foundation
import Testing

/// Models of a user's own modules, through the public interface alone.
@Suite struct OwnModelTests {
  /// A normal distribution with its own parameters.
  struct Bell: LazyDistribution {
    let loc: Parameter
    let logScale: Parameter
    let order: [Int]

    init(features: Int, shuffled: Bool = false, in scope: ModuleScope) {
      loc = scope.parameter("loc", [features], initializer: .zeros)
      logScale = scope.parameter("log_scale", [features], initializer: .zeros)
      let plain = Array(0..<features)
      order = scope.integers("order", shuffled ? scope.shuffled(plain) : plain)
    }

    func callAsFunction(_ context: Tensor?) -> any Distribution {
      DiagNormal(
        loc: loc.tensor.gather(order), scale: exp(logScale.tensor.gather(order)))
    }
  }

  private func inFile(_ body: (String) throws -> Void) throws {
    let path = NSTemporaryDirectory() + "own-\(UUID().uuidString).safetensors"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  @Test("a density that is not a flow is fitted, saved, loaded with its random choices, and scored")
  func density() throws {
    var model = Model(features: 6, seed: 5) { Bell(features: 6, shuffled: true, in: $0) }
    #expect(model.description == nil)
    let order = try #require(model.parameters.first { $0.name == "order" })
    #expect(order.initializer != .values((0..<6).map(Double.init)))
    var generator = SeededGenerator(seed: 1)
    let x = (0..<6000).map { Float(Double($0 % 6) + generator.uniform()) }
    var options = TrainingOptions()
    options.epochs = 60
    options.batchSize = 100
    options.learningRate = 0.05
    options.schedule = .constant
    _ = try model.fit(x, options: options)
    try inFile { path in
      try model.save(to: path)
      let loaded = try Model(path: path, features: 6) { Bell(features: 6, in: $0) }
      #expect(loaded.values == model.values)
      #expect(loaded.parameters.first { $0.name == "order" }?.initializer == order.initializer)
      // The mean of feature i is i + ½; 900 rows leave an error of 0.01, training less than 0.05.
      let locs = try #require(loaded.values["loc"]).floats
      guard case .values(let places) = order.initializer else { return }
      for (feature, place) in places.enumerated() {
        #expect(abs(locs[Int(place)] - Float(feature) - 0.5) < 0.06)
      }
      // The shared object of such a model has no description, and scores the same.
      let source = try loaded.artifactSource(functions: [.logProb])
      let object = path + ".so"
      defer { try? FileManager.default.removeItem(atPath: object) }
      try source.compile(to: object, named: "libown.so")
      let compiled = try CompiledArtifact(path: object)
      #expect(compiled.description["flow"] == .null && compiled.features == 6)
      let inputs = ["x": HostArray(Array(x.prefix(600)), shape: [100, 6])]
      let artifact = try compiled.function(.logProb)(inputs, rows: 100, firstRow: 0, threads: 1)
      let score = try compile(loaded.trace(.logProb).optimized(), loaded)
      #expect(try artifact["log_prob"] == score(inputs, rows: 100)["log_prob"])
    }
  }

  @Test("loading names what is missing, has another shape or is not used")
  func loading() throws {
    try inFile { path in
      let modules = Parameterized { Bell(features: 2, in: $0) }
      try modules.save(to: path, metadata: ["note": "kept"])
      #expect(try SafetensorsFile(path: path).metadata["note"] == "kept")
      #expect(
        throws: FlowError.wrongTensor(name: "loc", found: "F32 [2]", expected: "F32 [3]")
      ) { try Parameterized(path: path) { Bell(features: 3, in: $0) } }
      #expect(throws: FlowError.missingTensor(name: "a.loc", expected: "F32 [2]")) {
        try Parameterized(path: path) { Bell(features: 2, in: $0.child("a")) }
      }
      #expect(throws: FlowError.unusedTensor(name: "log_scale")) {
        try Parameterized(path: path) { scope in
          _ = scope.integers("order", [0, 1])
          return scope.parameter("loc", [2], initializer: .zeros)
        }
      }
      _ = try Parameterized(path: path, isIgnored: { $0 == "log_scale" }) { scope in
        _ = scope.integers("order", [0, 1])
        return scope.parameter("loc", [2], initializer: .zeros)
      }
      #expect(throws: FlowError.noDescription(path: path)) { try Model(path: path) }
    }
  }

  @Test("a file in float64 keeps all digits when it is scored in float64 and when it is saved")
  func digits() throws {
    try inFile { path in
      let (loc, logScale) = (1 / 3.0, 0.1)
      var file = SafetensorsFile(metadata: [:])
      file["loc"] = StoredTensor([loc], shape: [1])
      file["log_scale"] = StoredTensor([logScale], shape: [1])
      file["order"] = StoredTensor([Int64(0)], shape: [1])
      try file.write(to: path)
      let model = try Model(path: path, features: 1) { Bell(features: 1, in: $0) }
      try model.save(to: path)
      #expect(try SafetensorsFile(path: path)["loc"]?.doubles == [loc])
      let score = try compile(model.trace(.logProb, dtype: .f64).optimized(), model)
      let found = try score(["x": HostArray([2.0], shape: [1, 1])], rows: 1)["log_prob"]?.doubles
      let z = (2 - loc) / exp(logScale)
      let exact = -z * z / 2 - logScale - log(2 * Double.pi) / 2
      // Rounding of float64; with the parameters of float32 the difference is 1e-8.
      #expect(try abs(#require(found)[0] - exact) < 1e-14)
      let single = try compile(model.trace(.logProb).optimized(), model)
      let rounded = try single(["x": HostArray([Float(2)], shape: [1, 1])], rows: 1)
      #expect(try abs(#require(rounded["log_prob"]).doubles[0] - exact) < 1e-6)
    }
  }

  @Test("a trainer takes losses with inputs that all rows share, and modules take its values")
  func uniformInput() throws {
    var modules = Parameterized { $0.parameter("a", [2], initializer: .zeros) }
    let trainer = try modules.trainer([.rows("x", 2), .uniform("target", 2)]) { inputs in
      square(modules.base.tensor * inputs[0] - inputs[1]).mean()
    }
    for _ in 0..<300 {
      try trainer.step(
        ["x": [1, 2, 1, 2, 1, 2], "target": [3, -4]], rows: 3, learningRate: 0.1)
    }
    modules.update(from: trainer)
    let found = try #require(modules.values["a"]).floats
    // Adam with a fixed rate stays within a hundredth of the rate here.
    #expect(abs(found[0] - 3) < 1e-2 && abs(found[1] + 2) < 1e-2)
  }

  @Test("a mixture takes distributions of any kinds")
  func mixture() throws {
    let function = trace([.rows("x", 2), .seed()], dtype: .f64) { inputs in
      let trace = inputs[0].trace
      let box = BoxUniform(
        lower: trace.constant(0, shape: [2]), upper: trace.constant(2, shape: [2]))
      let bell = DiagNormal(
        loc: trace.constant([5, -5], shape: [2]), scale: trace.constant(0.5, shape: [2]))
      let mixture = Mixture(
        base: DistributionList([box, bell]), logits: trace.constant([0, logThree], shape: [2]))
      return [("log_prob", mixture.logProb(inputs[0])), ("x", mixture.sample(seed: inputs[1]))]
    }
    let rows = 4000
    var x = [Double](repeating: 1, count: 2 * rows)
    (x[2], x[3]) = (5, -5)
    let found = try CompiledFunction(function.optimized())(
      [
        "x": HostArray(x, shape: [rows, 2]), "seed": HostArray([1, 2] as [Int32], shape: [2]),
      ], rows: rows)
    let logProb = try #require(found["log_prob"]).doubles
    // Log-densities: a quarter of 1/4; three quarters of 1 / (2 π ¼). Rounding of float64.
    #expect(abs(logProb[0] - log(0.0625)) < 1e-12)
    #expect(abs(logProb[1] - log(0.75 * 2 / Double.pi)) < 1e-12)
    let sample = try #require(found["x"]).doubles
    let inBox = stride(from: 0, to: sample.count, by: 2).filter { sample[$0] < 2 }
    #expect(inBox.allSatisfy { sample[$0 + 1] >= 0 && sample[$0 + 1] < 2 })
    // A share of ¼ of 4000 rows has a deviation of 0.007.
    #expect(abs(Double(inBox.count) / Double(rows) - 0.25) < 0.03)
  }

  private let logThree = log(3.0)

  @Test("frozen modules keep their values, the others are fitted; an unknown name is an error")
  func frozen() throws {
    var flow = try MAF(features: 2, transforms: 2, hiddenFeatures: [8])
    let before = flow.model.values
    var generator = SeededGenerator(seed: 1)
    let x = (0..<256).map { _ in Float(generator.uniform()) }
    var options = TrainingOptions()
    options.epochs = 1
    options.batchSize = 32
    options.frozen = ["transform.transforms.0", "transform.transforms.1.hyper.2.weight"]
    _ = try flow.model.fit(x, options: options)
    for (name, values) in flow.model.values {
      let isFixed =
        name.hasPrefix("transform.transforms.0.") || name.hasPrefix("base.")
        || name == "transform.transforms.1.hyper.2.weight"
      #expect((values == before[name]) == isFixed, "\(name)")
    }
    options.frozen = ["transform.transforms.2"]
    #expect(throws: FlowError.self) { try flow.model.fit(x, options: options) }
  }

  @Test("a fit whose loss becomes NaN says in which batch, and leaves the model as it was")
  func divergence() throws {
    var model = Model(features: 1) { Bell(features: 1, in: $0) }
    let before = model.values
    // A loss over rows of which none has a density is NaN; single rows without one have no part in it.
    let x = [Float](repeating: .nan, count: 64)
    var options = TrainingOptions()
    options.batchSize = 64
    options.validation = 0
    #expect(throws: FlowError.diverged(epoch: 1, batch: 1)) {
      try model.fit(x, options: options)
    }
    #expect(model.values == before)
  }

  /// A masked layer and nothing else.
  struct OneLayer: Layer {
    let layer: MaskedLinear

    func callAsFunction(_ x: Tensor) -> Tensor { 0.5 * layer(x) }
  }

  @Test("an own masked network keeps an autoregressive transform triangular; its inverse undoes it")
  func maskedNetwork() throws {
    let modules = try Parameterized(seed: 3) { scope in
      try MaskedAutoregressiveTransform(
        features: 3, context: 1,
        network: HyperNetwork(masked: { mask, scope in
          OneLayer(layer: MaskedLinear(mask, in: scope.child("only")))
        }), in: scope)
    }
    #expect(modules.parameters.contains { $0.name == "hyper.only.weight" })
    let look = try modules.compile(.rows("x", 3), .rows("c", 1), as: Double.self) { x, c in
      let transform = modules.base(c)
      return (transform.jacobian(x), transform.inv(transform(x)))
    }
    let x = [0.3, -1, 2]
    let (jacobian, back) = try look([x], [[0.7]])
    #expect(jacobian[1] == 0 && jacobian[2] == 0 && jacobian[5] == 0)
    #expect(jacobian[3] != 0 && jacobian[6] != 0 && jacobian[7] != 0)
    // Rounding of float64 through a few operations.
    for (a, b) in zip(back, x) { #expect(abs(a - b) < 1e-13) }
  }

  @Test("tensors stand for parameters, and a rule for linear layers, while a closure runs")
  func replacing() throws {
    let modules = Parameterized { Linear(2, 1, in: $0.child("layer")) }
    let look = try modules.compile(.rows("x", 2)) { x in
      let trace = x.trace
      let weight = trace.constant([1, 10], shape: [1, 2])
      let bias = trace.constant([100], shape: [1])
      let swapped = trace.replacing(["layer.weight": weight, "layer.bias": bias]) {
        modules.base(x)
      }
      let ruled = trace.replacing([:]) { _, weight, _, _ in
        weight.name == "layer.weight" ? trace.constant([7], shape: [1]) : nil
      } _: {
        modules.base(x)
      }
      return (swapped, ruled + 0 * x.sum(axis: 0))
    }
    let (swapped, ruled) = try look([[2, 3]])
    #expect(swapped == [132])
    #expect(ruled == [7])
  }

  @Test("equality, products, minima and finiteness are public")
  func operators() throws {
    let look = try compile(.rows("x", 3)) { x in
      let flags = [x .== 2, x .!= 2, isFinite(x)].map { $0.converted(to: .f32) }
      return Tensor.concatenate(
        flags + [x.product(axis: 0).reshaped([1]), x.min(axis: 0).reshaped([1])])
    }
    #expect(try look([[2, 3, 4]]) == [1, 0, 0, 0, 1, 1, 1, 1, 1, 24, 2])
  }
}
