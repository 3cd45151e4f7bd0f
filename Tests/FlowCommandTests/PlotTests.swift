import FlowFiles
import Flows
import Foundation
import Testing

/// `flowir plot` and `train --log`, in real processes on real files.
@Suite struct PlotTests {
  private let folder: String
  private let command = CommandTests()

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  private func plot(_ arguments: String..., output: String = "p.svg") throws -> (
    CommandTests.Outcome, String
  ) {
    let path = folder + "/" + output
    let outcome = try command.flowir(["plot"] + arguments + ["--output", path])
    let bytes = FileManager.default.contents(atPath: path) ?? Data()
    return (outcome, String(decoding: bytes, as: UTF8.self))
  }

  private func write(_ name: String, _ rows: [[Float]]) throws -> String {
    try CommandTests.write(rows, to: folder + "/" + name)
  }

  /// An untrained flow, whose own samples are the data.
  private func model(features: Int, context: Int = 0) throws -> String {
    let path = folder + "/m\(features)\(context).safetensors"
    try NSF(features: features, context: context, transforms: 1, seed: 3).save(to: path)
    return path
  }

  private func number(_ value: JSONValue?) -> Double {
    switch value {
    case .number(let value)?: value
    case .integer(let value)?: Double(value)
    default: .nan
    }
  }

  @Test(
    "density, corner, transform and calibration are drawn, each under the names of the features")
  func kinds() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try model(features: 2)
    let data = folder + "/x.csv"
    try "mass,radius\n0.5,1\n-1,0.25\nnan,1\n0.1,-0.5\n".write(
      toFile: data, atomically: true, encoding: .utf8)
    for kind in ["density", "corner", "transform", "calibration"] {
      let (outcome, text) = try plot(model, "--kind", kind, "--data", data, "--rows", "500")
      #expect(outcome.status == 0, "\(kind): \(outcome.errors)")
      #expect(text.hasPrefix("<svg") && text.hasSuffix("</svg>\n"))
      #expect(text.contains("mass") && text.contains("radius"), "\(kind)")
      #expect(outcome.errors.contains("1 of 4 rows are not finite and are left out"))
    }
    let (outcome, text) = try plot(model, "--names", "a<b,c&d", "--rows", "500")
    #expect(outcome.status == 0 && text.contains("a&lt;b") && text.contains("c&amp;d"))
  }

  @Test("a panel is drawn for each context, and too many are refused with advice")
  func contexts() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try model(features: 2, context: 1)
    let few = try write("few.npy", [[-1], [0.5]])
    let (outcome, text) = try plot(model, "--context", few, "--rows", "200")
    #expect(outcome.status == 0 && text.contains("c = -1") && text.contains("c = 0.5"))
    let many = try write("many.npy", (0..<10).map { [Float($0)] })
    let (refused, _) = try plot(model, "--context", many, output: "q.svg")
    #expect(refused.status == 2 && refused.errors.contains("at most 9"))
    #expect(!FileManager.default.fileExists(atPath: folder + "/q.svg"))
    let (missing, _) = try plot(model, output: "q.svg")
    #expect(missing.status == 1 && missing.errors.contains("--context with 1 columns"))
  }

  @Test("a flow's own samples are calibrated, with and without contexts, and shifted ones are not")
  func calibration() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for context in [0, 1] {
      let path = try model(features: 2, context: context)
      let flow = try Model(path: path).compiled()
      let contexts = Rows((0..<600).map { sin(Float($0)) }, columns: 1)
      let draw = try flow.sample(600, context: context == 0 ? nil : contexts, seed: 11)
      let c = try write("c.npy", (0..<600).map { [contexts[$0][0]] })
      for shift in [Float(0), 0.5] {
        let x = try write("x.npy", (0..<600).map { [draw.x[$0][0], draw.x[$0][1] + shift] })
        let (outcome, _) = try plot(
          path, "--kind", "calibration", "--data", x, "--json",
          context == 0 ? "--seed" : "--context", context == 0 ? "5" : c)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let summary = try JSONValue.parse(outcome.output.utf8)
        guard case .array(let distances)? = summary["rank_distances"] else {
          Issue.record("no distances")
          return
        }
        let band = number(summary["band"])
        #expect(abs(band - 1.358 / 600.0.squareRoot()) < 1e-12)
        #expect(number(distances[0]) < band)
        #expect((number(distances[1]) < band) == (shift == 0))
        if shift == 0 { #expect(number(summary["coverage_distance"]) < band) }
      }
    }
  }

  @Test("what can't be drawn is refused, with what to do")
  func refusals() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try model(features: 14)
    for (arguments, status, words) in [
      (["--kind", "density"], Int32(2), "use --kind corner"),
      (["--kind", "corner"], 2, "--features 1-12"), (["--kind", "calibration"], 2, "--data"),
      (["--names", "a,b"], 2, "--names has 2 names; the flow has 14 features"),
      (["--features", "15"], 1, "no column '15'"), (["--kind", "training"], 1, "record"),
    ] {
      let outcome = try command.flowir(
        ["plot", model, "--output", folder + "/p.svg"] + arguments)
      #expect(outcome.status == status && outcome.errors.contains(words), "\(arguments)")
      #expect(!FileManager.default.fileExists(atPath: folder + "/p.svg"))
    }
    let (ending, _) = try plot(model, output: "p.pdf")
    #expect(ending.status == 2 && ending.errors.contains("must end in .svg or .png"))
    let (some, text) = try plot(model, "--features", "2,13", "--rows", "100")
    #expect(some.status == 0 && text.contains("x13") && !text.contains("x14"))
  }

  @Test("a .png comes from rsvg-convert, whose package is named where it is missing")
  func png() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try model(features: 1)
    let paths = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
    let isThere = paths.contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/rsvg-convert")
    }
    let outcome = try command.flowir(["plot", model, "--output", folder + "/p.png"])
    let bytes = FileManager.default.contents(atPath: folder + "/p.png")
    if isThere {
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(bytes?.starts(with: [0x89, 0x50, 0x4e, 0x47]) == true)
    } else {
      #expect(outcome.status == 1 && outcome.errors.contains("librsvg2-bin") && bytes == nil)
    }
  }

  @Test("train logs each epoch, a resumed run goes on in the log, and plot draws it")
  func trainingLog() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let x = try write("x.npy", (0..<400).map { [sin(Float($0) * 0.7), cos(Float($0) * 1.3)] })
    let log = folder + "/run.jsonl"
    let train = [
      "train", "--flow", "MAF", "--data", x, "--output", folder + "/m.safetensors", "--log", log,
      "--seed", "1", "--json", "--epochs",
    ]
    let outcome = try command.flowir(train + ["4"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let text = try String(contentsOfFile: log, encoding: .utf8)
    let records = try text.split(separator: "\n").map { try JSONValue.parse($0.utf8) }
    #expect(records.map { number($0["epoch"]) } == [1, 2, 3, 4])
    let summary = try JSONValue.parse(outcome.output.utf8)
    let best = records.last { $0["best"] == .bool(true) }
    #expect(best?["epoch"] == summary["best_epoch"])
    #expect(
      abs(
        number(best?["validation_log_likelihood"]) - number(summary["validation_log_likelihood"]))
        < 1e-6)
    let (drawn, picture) = try plot(log)
    #expect(drawn.status == 0 && picture.contains("epoch") && picture.contains("validation"))
    // A log is known by its first line too.
    try FileManager.default.copyItem(atPath: log, toPath: folder + "/run.log")
    let (renamed, same) = try plot(folder + "/run.log", output: "s.svg")
    #expect(renamed.status == 0 && same == picture, "\(renamed.errors)")
    try "{}\n".write(toFile: log, atomically: true, encoding: .utf8)
    let (bad, _) = try plot(log, output: "q.svg")
    #expect(bad.status == 1 && bad.errors.contains("run.jsonl: row 1"))
  }
}
