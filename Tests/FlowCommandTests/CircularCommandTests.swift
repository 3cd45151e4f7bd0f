import FlowFiles
import Flows
import Foundation
import Testing

/// `train --circular`.
@Suite struct CircularCommandTests {
  private let command = CommandTests()

  @Test("hours around midnight are learnt as one peak, beside a linear and a bounded column")
  func training() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var generator = SeededGenerator(seed: 4)
    var text = "hour,height,share\n"
    for _ in 0..<3_000 {
      let (a, b, c) = (generator.normal(), generator.normal(), generator.normal())
      // Midnight, give or take an hour.
      let hour = a < 0 ? a + 24 : a
      text += "\(hour),\(170 + 8 * b + a),\(1 / (1 + exp(-c)))\n"
    }
    try text.write(toFile: folder + "/d.csv", atomically: true, encoding: .utf8)
    let trained = try command.flowir(
      "train", "--flow", "NSF", "--set", "transforms=2", "--set", "hidden_features=[16]", "--data",
      folder + "/d.csv", "--circular", "hour:24", "--lower", "-inf,-inf,0", "--upper",
      "inf,inf,1", "--epochs", "30", "--batch-size", "64", "--learning-rate", "3e-3", "--output",
      folder + "/m.safetensors"
    )
    #expect(trained.status == 0, "\(trained.errors)")
    let model = try Model(path: folder + "/m.safetensors")
    #expect(model.circular == [0] && model.unboundedUnits?.centre[0] == 12)
    let drawn = try command.flowir(
      "sample", folder + "/m.safetensors", "--rows", "2000", "--seed", "1", "--output",
      folder + "/x.npy")
    #expect(drawn.status == 0, "\(drawn.errors)")
    let x = try openRows(folder + "/x.npy").read(2_000)
    var (near, far) = (0, 0)
    for row in 0..<2_000 {
      let hour = x[3 * row]
      #expect(hour >= 0 && hour <= 24 && x[3 * row + 2] >= 0 && x[3 * row + 2] <= 1)
      near += hour < 3 || hour > 21 ? 1 : 0
      far += hour > 6 && hour < 18 ? 1 : 0
    }
    // A normal flow of hours has most of its mass between two peaks that are one.
    #expect(near > 1_800, "\(near)")
    #expect(far < 60, "\(far)")
    let (left, right) = (["23.9", "170", "0.5"], ["-0.1", "170", "0.5"])
    let rows = ([left, right].map { $0.joined(separator: ",") }).joined(separator: "\n") + "\n"
    let scored = try command.flowir(
      "score", folder + "/m.safetensors", "--input", "-", "--output", "-", input: rows)
    let values = scored.output.split(separator: "\n").compactMap { Double($0) }
    #expect(values.count == 2 && abs(values[0] - values[1]) < 1e-3, "\(scored)")
  }

  @Test(
    "circles that can't be are bad arguments",
    arguments: [
      ["--flow", "MAF", "--circular", "1:24"], ["--flow", "NSF", "--circular", "hour:24"],
      ["--flow", "NSF", "--circular", "3:24"], ["--flow", "NSF", "--circular", "1:0"],
      ["--flow", "NSF", "--circular", "1"], ["--flow", "NSF", "--circular", "1:2,1:3"],
      ["--flow", "NSF", "--circular", "1:2", "--lower", "0,-inf"],
    ])
  func arguments(flags: [String]) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let data = try CommandTests.write([[0.1, 0.2], [0.3, 0.1]], to: folder + "/x.npy")
    let result = try command.flowir(
      ["train", "--data", data, "--output", folder + "/m.safetensors"] + flags)
    #expect(result.status == 2 && result.errors.contains("--circular"), "\(result)")
  }
}

/// `train --base`.
@Suite struct BaseCommandTests {
  private let command = CommandTests()

  @Test("a base is trained with the flow, and a flow without a normal base has no other")
  func bases() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let rows = (0..<400).map { [Float(tan(1.5 * sin(Double($0 * $0))))] }
    let data = try CommandTests.write(rows, to: folder + "/x.npy")
    func train(_ flow: String, _ base: String) throws -> CommandTests.Outcome {
      try command.flowir(
        "train", "--flow", flow, "--data", data, "--base", base, "--epochs", "5", "--output",
        folder + "/m.safetensors")
    }
    #expect(try train("MAF", "student-t").status == 0)
    let model = try Model(path: folder + "/m.safetensors")
    let degrees = try #require(model.values["base.log_df"])
    #expect(degrees.doubles[0] != log(10))
    #expect(model.description?.base != nil)
    #expect(try train("MAF", "laplace").status == 0)
    let laplace = try Model(path: folder + "/m.safetensors").description?.base
    #expect(laplace?["f"]?["type"] == .string("StandardLaplace"))
    #expect(try train("MAF", "normal").status == 0)
    #expect(try Model(path: folder + "/m.safetensors").description?.base == nil)
    let wrong = try train("NCSF", "logistic")
    #expect(wrong.status == 2 && wrong.errors.contains("--base"), "\(wrong.errors)")
  }

  @Test("tails are learnt behind bounds and units, and a flow of angles has none")
  func tails() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // Heavy above, light below.
    let rows = (0..<600).map { row -> [Float] in
      let share = (Float(row * 7919 % 600) + 0.5) / 600
      return [share < 0.5 ? share : 1 / (1 - share), 0.1 + share]
    }
    let data = try CommandTests.write(rows, to: folder + "/x.npy")
    let path = folder + "/m.safetensors"
    func train(_ words: String...) throws -> CommandTests.Outcome {
      try command.flowir(
        [
          "train", "--data", data, "--output", path, "--epochs", "5", "--set",
          "hidden_features=[8]",
        ] + words)
    }
    for (words, index) in [
      (["--robust"], 1), (["--lower=-inf,0"], 2), (["--no-standardize", "--base", "laplace"], 0),
    ] {
      let result = try command.flowir(
        ["train", "--flow", "NSF", "--data", data, "--output", path, "--epochs", "5"]
          + ["--set", "transforms=1", "--tails", "learnt"] + words)
      #expect(result.status == 0, "\(result.errors)")
      let model = try Model(path: path)
      let list = try #require(model.description?.before)
      #expect(list.count == index + 1 && list[index]["f"]?["type"] == .string("TailTransform"))
      let names = model.values.keys.filter { $0.hasSuffix("log_positive") }
      #expect(names.count == 1)
      for name in names {
        // They begin at the logarithm of 0.1, and are trained.
        #expect(model.values[name]?.doubles.allSatisfy { abs($0 - log(0.1)) > 1e-4 } == true)
      }
      let scored = try command.flowir("score", path, "--input", data, "--output", folder + "/l.npy")
      #expect(scored.status == 0, "\(scored.errors)")
      #expect(try openRows(folder + "/l.npy").read(600).allSatisfy(\.isFinite))
    }
    #expect(try train("--flow", "GMM", "--tails", "asinh").status == 0)
    let fixed = try Model(path: path).description?.before.last
    #expect(fixed?["f"]?["type"] == .string("AsinhTransform"))
    #expect(try train("--flow", "MAF", "--tails", "none").status == 0)
    #expect(try Model(path: path).description?.before.count == 1)
    for words in [["--flow", "NCSF"], ["--flow", "NSF", "--circular", "2:7"]] {
      let wrong = try command.flowir(
        ["train", "--data", data, "--output", path, "--tails", "learnt"] + words)
      #expect(wrong.status == 2 && wrong.errors.contains("--tails"), "\(wrong.errors)")
    }
  }
}
