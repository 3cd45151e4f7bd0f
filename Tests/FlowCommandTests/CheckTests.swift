import FlowFiles
import FlowIR
import FlowRuntime
import Flows
import Foundation
import Testing

@testable import FlowCommand

/// `flowir check` and `flowir dump --values`.
@Suite struct CheckTests {
  private let folder: String
  private let command = CommandTests()

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func write(_ name: String, _ rows: [[Float]]) throws -> String {
    try CommandTests.write(rows, to: folder + "/" + name)
  }

  private func states(_ output: String) throws -> [String: String] {
    guard case .array(let findings) = try JSONValue.parse(output.utf8) else { return [:] }
    var states: [String: String] = [:]
    for finding in findings {
      if case .string(let name)? = finding["name"], case .string(let state)? = finding["state"] {
        states[name] = state
      }
    }
    return states
  }

  @Test("a healthy flow is called so, and data in other units are not")
  func healthy() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/m.safetensors"
    let model = try NSF(features: 2, transforms: 1, seed: 3)
    try model.save(to: path)
    let draw = try Model(path: path).compiled().sample(500, seed: 2)
    let x = try write("x.npy", (0..<500).map { Array(draw.x[$0]) })
    let good = try command.flowir("check", path, "--data", x, "--json")
    #expect(good.status == 0, "\(good.errors)")
    let states = try states(good.output)
    for name in [
      "weights", "round trip", "log-determinants", "differences", "integral", "float32", "data",
    ] { #expect(states[name] == "ok", "\(name)") }
    let scaled = try write("y.npy", (0..<500).map { row in draw.x[row].map { 100 * $0 + 50 } })
    let bad = try command.flowir("check", path, "--data", scaled)
    #expect(bad.status == 1 && bad.errors.contains("something is wrong: data"))
    #expect(bad.output.contains("columns in the order and units"))
  }

  @Test("rows outside of a spline's interval are counted, and the column that has most is named")
  func intervals() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/m.safetensors"
    var flow = try NSF(features: 2, transforms: 1, seed: 3)
    let ordinary = (0..<400).map { [sin(Float($0)), 100 + 10 * cos(3 * Float($0))] }
    try flow.standardize(Rows(ordinary.flatMap { $0 }, columns: 2))
    flow.model.columns = ColumnNames(x: ["mass", "radius"])
    try flow.save(to: path)
    // The deviations are 0.7 and 7: 3.4 is inside of five, 200 is not.
    let x = try write("x.npy", ordinary + [[3.4, 200], [0, 200], [5, 100]])
    let outcome = try command.flowir("check", path, "--data", x)
    #expect(
      outcome.output.contains(
        "2 of 403 rows (0.496 %) are outside of [-5.0, 5.0] in column 2, radius, where the splines"),
      "\(outcome.output)")
    #expect(outcome.output.contains("; 2 columns have such rows"))
    #expect(outcome.output.contains("(most by column 2, radius)"), "\(outcome.output)")
    let inside = try command.flowir(
      "check", path, "--data", try write("y.npy", ordinary), "--json")
    #expect(try states(inside.output)["interval"] == "ok")
    let affine = folder + "/a.safetensors"
    try MAF(features: 2, transforms: 1, seed: 3).save(to: affine)
    #expect(
      try !command.flowir("check", affine, "--data", x).output.contains("interval"),
      "an affine flow has no interval")
  }

  @Test("columns in another order are found by the names that the flow was trained on")
  func names() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/m.safetensors"
    var model = try NSF(features: 2, transforms: 1, seed: 3).model
    model.columns = ColumnNames(x: ["mass", "radius"])
    try model.save(to: path)
    let rows = (0..<50).map { [sin(Float($0)), cos(3 * Float($0))] }
    let inOrder = try write("x.npy", rows)
    let swapped = folder + "/x.csv"
    try ("radius,mass\n" + rows.map { "\($0[1]),\($0[0])\n" }.joined())
      .write(toFile: swapped, atomically: true, encoding: .utf8)
    let means = try [inOrder, swapped].map { file -> JSONValue? in
      let outcome = try command.flowir("check", path, "--data", file, "--json")
      guard case .array(let findings) = try JSONValue.parse(outcome.output.utf8) else { return nil }
      return findings.first { $0["name"] == .string("data") }?["mean_log_prob"]
    }
    #expect(means[0] != nil && means[0] == means[1])
    let outcome = try command.flowir("plot", path, "--output", folder + "/p.svg")
    let text = try String(contentsOfFile: folder + "/p.svg", encoding: .utf8)
    #expect(outcome.status == 0 && text.contains("mass") && text.contains("radius"))
  }

  @Test("a bound that is infinite is none, and no sign of bad weights")
  func bounds() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/m.safetensors"
    var model = try Model(.maf(), features: 2, seed: 1)
    try model.bound(Bounds(lower: [0, -.infinity], upper: [.infinity, .infinity]))
    try model.save(to: path)
    let outcome = try command.flowir("check", path, "--json")
    let states = try states(outcome.output)
    #expect(states["weights"] == "ok" && !states.values.contains("wrong"), "\(outcome.output)")
  }

  @Test("weights that are not finite are named, and nothing else is looked at")
  func badWeights() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/m.safetensors"
    try NICE(features: 3, seed: 1).save(to: path)
    // A model with such weights is never written, so the bytes of one are changed.
    var bytes = [UInt8](try #require(FileManager.default.contents(atPath: path)))
    let size = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONValue.parse(bytes[8..<8 + size])
    let name = "transform.transforms.0.hyper.0.weight"
    guard case .array(let offsets)? = header[name]?["data_offsets"],
      case .integer(let offset)? = offsets.first
    else {
      Issue.record("no tensor \(name)")
      return
    }
    bytes.replaceSubrange(8 + size + offset..<8 + size + offset + 4, with: [0, 0, 0xc0, 0x7f])
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let outcome = try command.flowir("check", path, "--json")
    #expect(outcome.status == 1)
    #expect(try states(outcome.output) == ["weights": "wrong"])
    #expect(
      outcome.output.contains("bad_tensors\":1") || outcome.output.contains("bad_tensors\": 1"))
  }

  @Test("a conditional flow asks for contexts")
  func contexts() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/m.safetensors"
    try MAF(features: 2, context: 1, transforms: 1, seed: 1).save(to: path)
    let missing = try command.flowir("check", path)
    #expect(missing.status == 1 && missing.errors.contains("--context with 1 columns"))
    let c = try write("c.npy", [[0.5], [-1]])
    let outcome = try command.flowir("check", path, "--context", c)
    #expect(outcome.status == 0, "\(outcome.errors)\(outcome.output)")
  }

  @Test("dump --values names the row and the operation where a NaN and an infinity appear")
  func values() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/m.safetensors"
    try MAF(features: 2, transforms: 1, seed: 1).save(to: path)
    let x = try write("x.npy", [[0, 1], [.nan, 0], [1, -1]])
    let outcome = try command.flowir("dump", path, "--values", x)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("// first NaN: row 2 of %0 = linear %x"))
    #expect(outcome.output.contains("// no infinity") && outcome.output.contains("NaN in row 2"))
    let text = outcome.output
    #expect(try Module(parsing: text).functions.map(\.name) == ["log_prob"])
    let refused = try command.flowir("dump", path, "--values", x, "--function", "sample")
    #expect(refused.status == 2 && refused.errors.contains("takes seed"))
    let wrong = try command.flowir("dump", path, "--values", x, "--dot")
    #expect(wrong.status == 2 && wrong.errors.contains("leave out --dot"))
  }

  @Test("a difference of large numbers is found as a loss of digits, and not before")
  func lossOfDigits() throws {
    let builder = FunctionBuilder(name: "f")
    let x = builder.argument("x", TensorType(hasRows: true, shape: [2], dtype: .f32), .input)
    let large = builder.splat(1e8, shape: [2], dtype: .f32)
    let doubled = try builder.emit(.binary(.add), x, x)
    let sum = try builder.emit(.binary(.add), doubled, large)
    let difference = try builder.emit(.binary(.subtract), sum, large)
    let function = builder.finish(results: [FunctionResult(name: "y", value: difference)])
    let model = try MAF(features: 2, transforms: 1, seed: 1).model
    let values = try ObservedValues(
      function, of: model, inputs: ["x": [0.1, 0.2, 0.3, 0.4]], rows: 2)
    let found = values.first { $0.error > ValuesText.lossOfDigits }
    #expect(found?.value == difference)
    #expect(values.observations.first { $0.value == doubled }?.error ?? 1 < 1e-6)
    let text = ValuesText(values, rows: 2, path: "x.npy").text
    #expect(text.contains("first loss of digits: "))
    #expect(text.contains(": rows x 2 x f32  // [0.2, 0.8], error "))
  }

  @Test("a function that a .flowir file does not have is refused, with those that it has")
  func unknownFunction() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/f.flowir"
    try """
    flowir 1

    func @f(
      input %x: rows x f32
    ) {
      %0 = exp %x : rows x f32
      return y = %0
    }
    """.write(toFile: path, atomically: true, encoding: .utf8)
    let outcome = try command.flowir("dump", path, "--function", "g")
    #expect(outcome.status == 1 && outcome.errors.contains("no function 'g'; it has f"))
    #expect(try command.flowir("dump", path).output.contains("func @f("))
  }
}
