import FlowFiles
import FlowIR
import FlowRuntime
import Foundation
import Testing

@testable import Flows

@Suite struct DescriptionTests {
  @Test(
    "bad descriptions name the place",
    arguments: [
      (#"{"features": 3}"#, "type: found nothing"),
      (#"{"type": "XYZ", "features": 3}"#, "type: unknown type 'XYZ'"),
      (#"{"type": "MAF"}"#, "features: found nothing"),
      (#"{"type": "MAF", "features": "3"}"#, "features: found \"3\""),
      (#"{"type": "MAF", "features": 3, "bins": 8}"#, "bins: unknown argument"),
      (#"{"type": "NSF", "features": 3, "activation": "Foo"}"#, "activation: found \"Foo\""),
      (#"{"type": "NSF", "features": 3, "hidden_features": [0]}"#, "hidden_features"),
      (
        #"{"type": "Flow", "features": 3, "transform": [{"type": "Bar"}], "base": {}}"#,
        "transform[0].type: unknown type 'Bar'"
      ),
      (
        #"{"type": "Flow", "features": 3, "transform": [{"type": "MaskedAutoregressiveTransform", "features": 3, "univariate": {"type": "MonotonicRQSTransform"}, "shapes": [[8], [8], [8]]}], "base": {}}"#,
        "transform[0].shapes"
      ),
      (
        #"{"type": "Flow", "features": 2, "transform": [{"type": "MaskedAutoregressiveTransform", "features": 2, "adjacency": [[1, 1], [1, 1]]}], "base": {"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}}}"#,
        "cycle"
      ),
    ])
  func bad(text: String, message: String) {
    let error = #expect(throws: FlowError.self) { try Model(FlowDescription(text: text)) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test("a model survives saving and loading, bit by bit")
  func roundTrip() throws {
    let folder = FileManager.default.temporaryDirectory.path
    let path = folder + "/flowir-\(UUID().uuidString).safetensors"
    defer { try? FileManager.default.removeItem(atPath: path) }
    for text in [
      #"{"type": "MAF", "features": 4, "randperm": true, "hidden_features": [8]}"#,
      #"{"type": "RealNVP", "features": 5, "context": 2, "randmask": true}"#,
      #"{"type": "NSF", "features": 1, "bins": 4}"#,
    ] {
      let model = try Model(FlowDescription(text: text), seed: 9)
      try model.save(to: path)
      let loaded = try Model(path: path)
      #expect(loaded.values == model.values)
      #expect(loaded.parameters.map(\.name) == model.parameters.map(\.name))
      #expect(
        loaded.trace(.logProb).text == model.trace(.logProb).text, "orders and masks are read")
    }
  }

  @Test("missing, mis-shaped and unused tensors are errors that name them")
  func tensors() throws {
    let path = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let model = try Model(FlowDescription(text: #"{"type": "MAF", "features": 2}"#))
    try model.save(to: path)
    let name = "transform.transforms.1.hyper.2.weight"
    let good = try SafetensorsFile(path: path)
    var file = good
    file[name] = nil
    try file.write(to: path)
    #expect(throws: FlowError.missingTensor(name: name, expected: "F32 [64, 64]")) {
      try Model(path: path)
    }
    file = good
    file[name] = StoredTensor([1, 2] as [Float], shape: [2])
    try file.write(to: path)
    #expect(
      throws: FlowError.wrongTensor(name: name, found: "F32 [2]", expected: "F32 [64, 64]")
    ) { try Model(path: path) }
    file = good
    file["extra"] = StoredTensor([1, 2] as [Float], shape: [2])
    try file.write(to: path)
    #expect(throws: FlowError.unusedTensor(name: "extra")) { try Model(path: path) }
  }
}

@Suite struct DistributionTests {
  @Test("a box is half-open, -inf outside, NaN for NaN")
  func box() throws {
    let scope = ModuleScope.root()
    let box = UnconditionalDistribution.boxUniform(features: 2, lower: -1, upper: 3, in: scope)
    let score = try compile(
      .rows("x", 2), as: Double.self,
      parameters: initialValues(of: scope.registry.parameters, seed: 0)
    ) { x in box(nil).logProb(x) }
    let found = try score([[-1, 0], [3, 0], [-1.5, 0], [.nan, 0]])
    #expect(found[0] == -2 * log(4.0))
    #expect(found[1] == -.infinity && found[2] == -.infinity && found[3].isNaN)
  }

  @Test("a flow's density integrates to one")
  func normalisation() throws {
    // Two features, so that a grid of 401 x 401 on [-7, 7] is good to about 1e-4.
    let model = try Model(
      FlowDescription(text: #"{"type": "NSF", "features": 2, "hidden_features": [16]}"#), seed: 3)
    let score = try compile(model.trace(.logProb, dtype: .f64).optimized(), model)
    let count = 401
    let step = 14.0 / Double(count - 1)
    var x: [Double] = []
    for i in 0..<count {
      for j in 0..<count { x += [-7 + step * Double(i), -7 + step * Double(j)] }
    }
    let logProb = try #require(
      score(["x": HostArray(x, shape: [count * count, 2])], rows: count * count)["log_prob"]?
        .doubles)
    let total = logProb.reduce(0) { $0 + exp($1) } * step * step
    #expect(abs(total - 1) < 2e-3)
  }

  @Test("samples come with the density that scoring gives them", arguments: ["MAF", "NSF", "NICE"])
  func samples(type: String) throws {
    let model = try Model(
      FlowDescription(text: #"{"type": "\#(type)", "features": 3, "context": 2}"#), seed: 5)
    let sampler = try compile(model.trace(.sample, dtype: .f64).optimized(), model)
    let score = try compile(model.trace(.logProb, dtype: .f64).optimized(), model)
    let context = HostArray((0..<400).map { sin(Double($0)) }, shape: [200, 2])
    let inputs = ["seed": HostArray([3, 4] as [Int32], shape: [2]), "context": context]
    let drawn = try sampler(inputs, rows: 200, threads: 2)
    #expect(try sampler(inputs, rows: 200, threads: 1) == drawn)
    let x = try #require(drawn["x"])
    let scored = try #require(score(["x": x, "context": context], rows: 200)["log_prob"]?.doubles)
    for (a, b) in zip(scored, drawn["log_prob"]?.doubles ?? []) { #expect(abs(a - b) < 1e-9) }
    let part = HostArray(Array(context.doubles.suffix(200)), shape: [100, 2])
    let shard = try sampler(
      ["seed": HostArray([3, 4] as [Int32], shape: [2]), "context": part], rows: 100, firstRow: 100)
    #expect(shard["x"]?.doubles == Array(x.doubles.suffix(300)), "a function of seed and row alone")
  }

  @Test("splines are the identity outside, exact on the bound, and invertible at the edges")
  func splineEdges() throws {
    let model = try Model(
      FlowDescription(text: #"{"type": "NSF", "features": 1, "transforms": 1}"#), seed: 11)
    let transform = try compile(model.trace(.transform).optimized(), model)
    let inverse = try compile(model.trace(.inverse).optimized(), model)
    let x: [Float] = [
      -5, 5, -5.000001, 5.000001, 1000, -1e30, (-5 as Float).nextUp, (5 as Float).nextDown, 0, .nan,
    ]
    let shape = [x.count, 1]
    let forward = try transform(["x": HostArray(x, shape: shape)], rows: x.count)
    let z = try #require(forward["z"]?.floats)
    for index in 2..<6 {
      #expect(z[index] == x[index] && forward["ladj"]?.floats[index] == 0)
    }
    #expect(z[0] == -5 && abs(z[1] - 5) <= 5 * Float.ulpOfOne && z.last?.isNaN == true)
    let back = try #require(
      inverse(["z": HostArray(z, shape: shape)], rows: x.count)["x"]?.floats)
    for index in 0..<9 { #expect(abs(back[index] - x[index]) <= 2e-5 * (1 + abs(x[index]))) }
  }
}

@Suite struct MaskTests {
  @Test("masks are those that Zuko builds for the same adjacency")
  func masks() throws {
    let adjacency = Mask(
      rows: 4, columns: 3,
      bits: [false, true, true, false, true, true, false, false, true, true, true, false])
    let scope = ModuleScope.root()
    _ = try MaskedMLP(adjacency: adjacency, hiddenFeatures: [5, 6], in: scope.child("hyper"))
    let masks = scope.registry.parameters.filter { $0.storage == .bool }.map(\.initializer)
    // Computed with zuko.nn.MaskedMLP(adjacency, [5, 6]).
    let rows = [
      "001 011 110 001 011", "10010 11011 00100 10010 11011 00100", "110110 110110 100100 001001",
    ]
    let expected = rows.map { text in
      Parameter.Initializer.bits(text.filter { $0 != " " }.map { $0 == "1" })
    }
    #expect(masks == expected)
  }
}

@Suite struct TrainingTests {
  private func data(_ rows: Int) -> [Float] {
    var generator = SeededGenerator(seed: 4)
    return (0..<rows).flatMap { _ -> [Float] in
      let a = Float(generator.uniform()) * 2 - 1
      return [a, a * a + Float(generator.uniform()) * 0.2]
    }
  }

  @Test("the step is Adam's: first steps move each parameter by the learning rate")
  func adam() throws {
    let scope = ModuleScope.root()
    let weight = scope.parameter("w", [3], initializer: .values([1, -2, 0.5]))
    let loss = trace([.rows("x", 3)], parametersAreInputs: true) { inputs in
      [("loss", square(inputs[0] - weight.tensor).mean())]
    }
    var optimizer = AdamW()
    optimizer.weightDecay = 0.1
    let trainer = try Trainer(
      loss: loss, parameters: scope.registry.parameters,
      values: initialValues(of: scope.registry.parameters, seed: 0), optimizer: optimizer)
    let x: [Float] = [0, 0, 0, 1, 1, 1]
    // The same in plain arithmetic, for three steps.
    var w = [1.0, -2, 0.5]
    var (m, v) = ([0.0, 0, 0], [0.0, 0, 0])
    for step in 1...3 {
      let found = try trainer.step(["x": x], rows: 2, learningRate: 0.01)
      var expected = 0.0
      for i in 0..<3 {
        expected += (w[i] * w[i] + (1 - w[i]) * (1 - w[i])) / 6
        let g = (2 * w[i] - 2 * (1 - w[i])) / 6
        m[i] = 0.9 * m[i] + 0.1 * g
        v[i] = 0.999 * v[i] + 0.001 * g * g
        w[i] -= 0.01 * 0.1 * w[i]
        w[i] -=
          0.01 * (m[i] / (1 - pow(0.9, Double(step))))
          / ((v[i] / (1 - pow(0.999, Double(step)))).squareRoot() + 1e-8)
      }
      #expect(abs(Double(found) - expected) < 1e-5)
      for (a, b) in zip(trainer.values["w"]?.doubles ?? [], w) { #expect(abs(a - b) < 2e-6) }
    }
  }

  @Test("gradients beyond the norm are scaled down to it")
  func clipping() throws {
    let scope = ModuleScope.root()
    let weight = scope.parameter("w", [2], initializer: .values([30, 40]))
    let loss = trace([.rows("x", 2)], parametersAreInputs: true) { inputs in
      [("loss", square(inputs[0] - weight.tensor).sum())]
    }
    var optimizer = AdamW()
    optimizer.clipNorm = 1
    let trainer = try Trainer(
      loss: loss, parameters: scope.registry.parameters,
      values: initialValues(of: scope.registry.parameters, seed: 0), optimizer: optimizer)
    try trainer.step(["x": [0, 0]], rows: 1, learningRate: 1e-3)
    // The gradient (60, 80) becomes (0.6, 0.8); the first moment is a tenth of it.
    let m = try #require(trainer.state["m.w"])
    #expect(abs(m[0] - 0.06) < 1e-6 && abs(m[1] - 0.08) < 1e-6)
  }

  @Test("fitting improves the likelihood, is repeatable, and can be interrupted")
  func fit() throws {
    let rows = data(2000)
    let description = try FlowDescription(
      text: #"{"type": "MAF", "features": 2, "hidden_features": [16]}"#)
    var options = TrainingOptions()
    options.epochs = 4
    options.batchSize = 100
    options.seed = 3
    var whole = try Model(description, seed: 1)
    var checkpoints: [TrainingCheckpoint] = []
    let report = try whole.fit(rows, options: options, checkpoint: { checkpoints.append($0) })
    let score = try compile(whole.trace(.logProb).optimized(), Model(description, seed: 1))
    let before = try #require(
      score(["x": HostArray(rows, shape: [2000, 2])], rows: 2000)["log_prob"]?.doubles)
    let start = before.reduce(0, +) / 2000
    #expect(report.trainLogLikelihood > start + 0.5)
    #expect(report.validationLogLikelihood != nil)

    options.threads = 1
    var resumed = try Model(description, seed: 1)
    let path = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try checkpoints[1].save(to: path)
    _ = try resumed.fit(rows, options: options, resume: TrainingCheckpoint(path: path))
    #expect(resumed.values == whole.values, "the same bits, at another number of threads")
  }

  @Test("data that does not fit is an error")
  func errors() throws {
    var model = try Model(FlowDescription(text: #"{"type": "MAF", "features": 2}"#))
    #expect(throws: FlowError.self) { try model.fit([1, 2, 3]) }
    #expect(throws: FlowError.self) { try model.fit([1, 2, 3, 4], context: [1]) }
  }

  @Test("the progress line shows epoch, loss, validation, speed and time left")
  func progress() {
    let progress = TrainingProgress(
      epoch: 2, epochs: 10, batch: 50, batches: 100, loss: 1.25, validation: -1.5,
      rowsPerSecond: 200_000, rowsPerBatch: 512)
    #expect(
      ProgressLine.text(progress)
        == "epoch 2/10 ██████████░░░░░░░░░░ loss 1.250  validation -1.500  200 k rows/s  2 s left")
  }
}

@Suite struct CompileTests {
  @Test("flows by their Zuko names are the flows of their descriptions")
  func prebuilt() throws {
    let flows: [(any PrebuiltFlow, String)] = [
      (
        try NSF(features: 3, context: 2, transforms: 2, bins: 4, hiddenFeatures: [8], seed: 3),
        #"{"type": "NSF", "features": 3, "context": 2, "transforms": 2, "bins": 4, "hidden_features": [8]}"#
      ),
      (
        try MAF(features: 4, randperm: true, passes: 2, residual: true, seed: 3),
        #"{"type": "MAF", "features": 4, "randperm": true, "passes": 2, "residual": true}"#
      ),
      (
        try NICE(features: 4, activation: .elu, normalize: true, seed: 3),
        #"{"type": "NICE", "features": 4, "activation": "ELU", "normalize": true}"#
      ),
      (
        try RealNVP(features: 4, randmask: true, seed: 3),
        #"{"type": "RealNVP", "features": 4, "randmask": true}"#
      ),
    ]
    for (flow, text) in flows {
      let model = try Model(FlowDescription(text: text), seed: 3)
      #expect(flow.model.trace(.logProb).text == model.trace(.logProb).text)
      #expect(flow.model.values == model.values)
    }
    #expect(throws: FlowError.self) { try NSF(features: 3, bins: 1) }
  }

  @Test("a closure over a flow compiles, as in the README")
  func closure() throws {
    let flow = try NSF(features: 5, context: 8, seed: 1)
    let loss = try flow.compile(.rows("x", 5), .rows("c", 8)) { x, c in
      -flow(c).logProb(x).mean()
    }
    let x = HostArray((0..<500).map { sin(Float($0)) }, shape: [100, 5])
    let c = HostArray((0..<800).map { cos(Float($0)) }, shape: [100, 8])
    let found = try loss(Rows(x.floats, columns: 5), Rows(c.floats, columns: 8))[0]
    let score = try compile(flow.model.trace(.logProb).optimized(), flow.model)
    let logProb = try #require(score(["x": x, "context": c], rows: 100)["log_prob"]?.floats)
    #expect(abs(found + logProb.reduce(0, +) / 100) < 1e-4)
  }

  @Test("a context shared by all rows gives what the same context in every row gives")
  func sharedContext() throws {
    let model = try Model(
      FlowDescription(text: #"{"type": "NSF", "features": 3, "context": 2}"#), seed: 5)
    let shared = try compile(model.trace(.logProb, sharedContext: true).optimized(), model)
    let each = try compile(model.trace(.logProb).optimized(), model)
    let x = HostArray((0..<300).map { sin(Float($0)) }, shape: [100, 3])
    let one = try shared(
      ["x": x, "context": HostArray([0.3, -1] as [Float], shape: [2])], rows: 100)
    let rows = (0..<100).flatMap { _ in [0.3, -1] as [Float] }
    let all = try each(["x": x, "context": HostArray(rows, shape: [100, 2])], rows: 100)
    for (a, b) in zip(one["log_prob"]?.floats ?? [], all["log_prob"]?.floats ?? []) {
      #expect(abs(a - b) < 2e-6 * (1 + abs(b)))
    }
  }

  @Test("the gradient of a closure: each row its own, and parameters by name")
  func gradient() throws {
    let scope = ModuleScope.root()
    let weight = scope.parameter("w", [2], initializer: .values([2, 3]))
    let compiled = try compileGradient([.rows("x", 2)], dtype: .f64) { inputs in
      (square(inputs[0]) * weight.tensor).sum(axis: 0)
    }
    let x = HostArray([1, 2, 3, 4] as [Double], shape: [2, 2])
    let results = try compiled(
      ["x": x, "w": HostArray([2, 3] as [Double], shape: [2])], rows: 2)
    #expect(results["grad.x"]?.doubles == [4, 12, 12, 24])
    #expect(results["grad.w"]?.doubles == [10, 20])
  }

  @Test("activations are those of torch", arguments: Activation.allCases)
  func activations(activation: Activation) throws {
    // torch.nn.X()(torch.tensor([-30, -1.5, 0, 0.7, 25], dtype=float64))
    let expected: [Activation: [Double]] = [
      .relu: [0, 0, 0, 0.7, 25], .elu: [-0.9999999999999064, -0.7768698398515702, 0, 0.7, 25],
      .tanh: [-1, -0.9051482536448664, 0, 0.6043677771171636, 1],
      .silu: [
        -2.8072868906517896e-12, -0.2736382857095345, 0, 0.46773144051771626, 24.9999999996528,
      ],
      .gelu: [0, -0.10021080190328704, 0, 0.5306254434438489, 25],
      .leakyReLU: [-0.3, -0.015, 0, 0.7, 25],
      .softplus: [
        9.357622968839299e-14, 0.2014132779827524, 0.6931471805599453, 1.1031860488854579, 25,
      ],
      .sigmoid: [
        9.357622968839299e-14, 0.18242552380635635, 0.5, 0.6681877721681662, 0.999999999986112,
      ],
    ]
    let compiled = try compile(.rows("x", 1), as: Double.self) { x in activation(x) }
    let found = try compiled([[-30], [-1.5], [0], [0.7], [25]])
    for (a, b) in zip(found, try #require(expected[activation])) {
      #expect(abs(a - b) <= 4e-16 * (1 + abs(b)) + 1e-14 * abs(b))
    }
  }
}
