import FlowFiles
import FlowIR
import FlowRuntime
import Flows
import Foundation
import Testing

/// One reference file.
struct Reference {
  let path: String
  let file: SafetensorsFile
  let model: Model
  /// The largest absolute errors that Zuko itself makes in float32, by result.
  let zukoError: [String: Double]

  init(_ name: String, in folder: String = "Fixtures") throws {
    let url = try #require(
      Bundle.module.url(forResource: name, withExtension: "safetensors", subdirectory: folder))
    path = url.path
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

  var rows: Int { values("x").count / model.features }

  var inputs: [String: HostArray] {
    var result = ["x": HostArray(values("x"), shape: [rows, model.features])]
    if model.context > 0 {
      result["context"] = HostArray(values("context"), shape: [rows, model.context])
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

  /// log_prob, the loss and its gradients agree: all that a flow without transforms has.
  func expectDensity(_ dtype: DType) throws {
    let score = try compile(model.trace(.logProb, dtype: dtype).optimized(), model)
    expect(try score(inputs, rows: rows)["log_prob"], equals: "log_prob", dtype)
    try expectGradients(dtype)
  }

  /// log_prob, z and ladj agree, and f(f⁻¹(z)) = z.
  func expectValues(_ dtype: DType) throws {
    let score = try compile(model.trace(.logProb, dtype: dtype).optimized(), model)
    let transform = try compile(model.trace(.transform, dtype: dtype).optimized(), model)
    let inverse = try compile(model.trace(.inverse, dtype: dtype).optimized(), model)
    let logProb = try score(inputs, rows: rows)
    let forward = try transform(inputs, rows: rows)
    expect(logProb["log_prob"], equals: "log_prob", dtype)
    expect(forward["z"], equals: "z", dtype)
    expect(forward["ladj"], equals: "ladj", dtype)

    var back = inputs
    back["x"] = nil
    back["z"] = HostArray(values("z"), shape: [rows, model.features])
    let inverted = try inverse(back, rows: rows)
    var again = inputs
    again["x"] = inverted["x"]
    expect(try transform(again, rows: rows)["z"], equals: "z", dtype)
  }

  /// The same in float64 from one function, compiled once: where only the model is in question, not
  /// how it is compiled.
  func expectValuesTogether() throws {
    var arguments: [Input] = [.rows("x", model.features), .rows("z", model.features)]
    if model.context > 0 { arguments.append(.rows("context", model.context)) }
    let function = trace(arguments, dtype: .f64) { tensors in
      let flow = model.flow.normalizingFlow(tensors.count > 2 ? tensors[2] : nil)
      let (z, ladj) = flow.transform.callAndLadj(tensors[0])
      let back = flow.transform.inverseAndLadj(tensors[1]).x
      return [
        ("log_prob", flow.logProb(tensors[0])), ("z", z), ("ladj", ladj),
        ("again", flow.transform.callAndLadj(back).y),
      ]
    }
    var given = inputs
    given["z"] = HostArray(values("z"), shape: [rows, model.features])
    let results = try compile(function.optimized(), model)(given, rows: rows)
    for key in ["log_prob", "z", "ladj"] { expect(results[key], equals: key, .f64) }
    expect(results["again"], equals: "z", .f64)
  }

  /// The loss and its gradients agree.
  func expectGradients(_ dtype: DType) throws {
    let results = try compile(model.gradientFunction(dtype: dtype), model)(inputs, rows: rows)
    let loss = try #require(results["loss"]?.doubles.first)
    let expected = try #require(values("loss").first)
    #expect(abs(loss - expected) <= tolerance("log_prob", dtype) * (1 + abs(expected)))
    let names = file.names.filter { $0.hasPrefix("ref.grad.") }
    #expect(names.count > 2)
    for name in names {
      let found = try #require(results[String(name.dropFirst(4))]?.doubles, "\(name)")
      let wanted = try #require(file[name]?.doubles)
      let largest = wanted.map(abs).max() ?? 0
      let error = zip(found, wanted).map { abs($0 - $1) }.max() ?? .infinity
      #expect(error <= (dtype == .f64 ? 1e-8 : 2e-3) * largest, "\(name)")
    }
  }
}
