import FlowFiles
import FlowIR
import FlowRuntime
import Flows
import Foundation
import Testing

/// Values and gradients of reference models, against what Zuko computed in float64.
@Suite struct ParityTests {
  static let cases = [
    "maf-default", "maf-unconditional", "maf-coupling", "maf-elu-residual", "maf-randperm",
    "nsf-default", "nsf-wide", "nice-default", "realnvp-randmask", "one-feature", "dag-adjacency",
    "ncsf-default", "tutorial-custom", "mixed-linear", "positive-domain", "bounded-domain",
    "sospf-default", "bpf-default", "gf-default", "gf-context",
    "naf-default", "unaf-default",
    // All lazy modules, activations and inverses at once; with a normal and with a box base.
    "custom-parts", "custom-box",
  ]

  @Test(
    "log_prob, z and ladj agree with Zuko, f(f⁻¹(z)) = z", arguments: cases, [DType.f64, .f32])
  func values(name: String, dtype: DType) throws {
    let reference = try Reference(name)
    let inputs = reference.inputs
    let score = try compile(
      optimized(reference.model.trace(.logProb, dtype: dtype)), reference.model)
    let transform = try compile(
      optimized(reference.model.trace(.transform, dtype: dtype)), reference.model)
    let inverse = try compile(
      optimized(reference.model.trace(.inverse, dtype: dtype)), reference.model)
    let logProb = try score(inputs, rows: 64)
    let forward = try transform(inputs, rows: 64)
    reference.expect(logProb["log_prob"], equals: "log_prob", dtype)
    reference.expect(forward["z"], equals: "z", dtype)
    reference.expect(forward["ladj"], equals: "ladj", dtype)

    var back = inputs
    back["x"] = nil
    back["z"] = HostArray(reference.values("z"), shape: [64, reference.model.features])
    let inverted = try inverse(back, rows: 64)
    var again = inputs
    again["x"] = inverted["x"]
    reference.expect(try transform(again, rows: 64)["z"], equals: "z", dtype)
  }

  @Test("the loss and its gradients agree with Zuko", arguments: cases, [DType.f64, .f32])
  func gradients(name: String, dtype: DType) throws {
    let reference = try Reference(name)
    let function = try reference.model.gradientFunction(dtype: dtype)
    let results = try compile(function, reference.model)(reference.inputs, rows: 64)
    let loss = try #require(results["loss"]?.doubles.first)
    let expected = try #require(reference.values("loss").first)
    #expect(abs(loss - expected) <= reference.tolerance("log_prob", dtype) * (1 + abs(expected)))
    let names = reference.file.names.filter { $0.hasPrefix("ref.grad.") }
    #expect(names.count > 2)
    for name in names {
      let found = try #require(results[String(name.dropFirst(4))]?.doubles, "\(name)")
      let wanted = try #require(reference.file[name]?.doubles)
      let largest = wanted.map(abs).max() ?? 0
      let error = zip(found, wanted).map { abs($0 - $1) }.max() ?? .infinity
      #expect(error <= (dtype == .f64 ? 1e-8 : 2e-3) * largest, "\(name)")
    }
  }

  @Test("the float64 interpreter agrees with Zuko", arguments: ["maf-coupling", "one-feature"])
  func interpreter(name: String) throws {
    let reference = try Reference(name)
    var arguments = reference.inputs.mapValues(\.doubles)
    for (name, array) in reference.model.values { arguments[name] = array.doubles }
    let function = reference.model.trace(.logProb, dtype: .f64)
    try function.verify()
    let used = Set(function.arguments.map(\.name))
    let result = try Interpreter.run(
      function, arguments.filter { used.contains($0.key) }, rows: 64)
    let found = try #require(result["log_prob"]?.values)
    reference.expect(HostArray(found, shape: [64]), equals: "log_prob", .f64)
  }
}

/// One reference file.
struct Reference {
  let file: SafetensorsFile
  let model: Model
  /// The largest absolute errors that Zuko itself makes in float32, by result.
  let zukoError: [String: Double]

  init(_ name: String) throws {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: "safetensors", subdirectory: "Fixtures"))
    file = try SafetensorsFile(path: url.path)
    model = try Model(path: url.path)
    let json = try JSONValue.parse((file.metadata["ref.zuko_float32_error"] ?? "{}").utf8)
    var errors: [String: Double] = [:]
    for key in ["log_prob", "z", "ladj"] {
      if case .number(let value)? = json[key] { errors[key] = value }
    }
    zukoError = errors
  }

  func values(_ name: String) -> [Double] { file["ref." + name]?.doubles ?? [] }

  var inputs: [String: HostArray] {
    var result = ["x": HostArray(values("x"), shape: [64, model.features])]
    if model.context > 0 {
      result["context"] = HostArray(values("context"), shape: [64, model.context])
    }
    return result
  }

  func tolerance(_ name: String, _ dtype: DType) -> Double { dtype == .f64 ? 1e-9 : 2e-5 }

  /// In f32 within max(2e-5 (1 + |value|), 4 times Zuko's own float32 error), in f64 within 1e-9.
  func expect(_ found: HostArray?, equals name: String, _ dtype: DType) {
    let wanted = values(name)
    let values = found?.doubles ?? []
    #expect(values.count == wanted.count, "\(name)")
    for (x, y) in zip(values, wanted) {
      let relative = tolerance(name, dtype) * (1 + abs(y))
      let allowed = dtype == .f64 ? relative : max(relative, 4 * (zukoError[name] ?? 0))
      #expect(x == y || abs(x - y) <= allowed, "\(name): \(x) instead of \(y)")
    }
  }
}
