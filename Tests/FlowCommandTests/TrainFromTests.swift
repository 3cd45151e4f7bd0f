import FlowFiles
import Flows
import Foundation
import Testing

/// `flowir train --from`.
@Suite struct TrainFromTests {
  /// A folder with a table of columns a and b, the same with its columns in another order, and a model of it
  /// with bounds.
  private func workshop() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var generator = SeededGenerator(seed: 5)
    var (straight, turned) = ("mass,b\n", "b,other,mass\n")
    for _ in 0..<400 {
      let (mass, b) = (exp(generator.normal()), 3 + generator.normal())
      straight += "\(mass),\(b)\n"
      turned += "\(b),0,\(mass)\n"
    }
    for (name, text) in [("x.csv", straight), ("turned.csv", turned)] {
      try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
    }
    let description = Data(#"{"type": "NICE", "features": 2}"#.utf8)
    try description.write(to: URL(filePath: folder + "/flow.json"))
    let first = try train(
      folder,
      "--flow MAF --set transforms=1 --data @x.csv --lower mass=0 --epochs 2 "
        + "--output @first.safetensors")
    #expect(first.status == 0, "\(first.errors)")
    return folder
  }

  private func train(_ folder: String, _ line: String) throws -> CommandTests.Outcome {
    try CommandTests().flowir(
      ["train", "--json"]
        + line.split(separator: " ").map { $0.replacing("@", with: folder + "/").description })
  }

  private func validation(_ result: CommandTests.Outcome) throws -> Double {
    let summary = try JSONValue.parse(result.output.utf8)
    guard case .number(let value)? = summary["validation_log_likelihood"] else { return .nan }
    return value
  }

  @Test("a model is trained on in its architecture, units, bounds and columns")
  func goesOn() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let rest =
      "--from @first.safetensors --output @second.safetensors --seed 1 --validation-data @x.csv"
    let straight = try train(folder, rest + " --data @x.csv --epochs 20")
    #expect(straight.status == 0, "\(straight.errors)")
    let first = try Model(path: folder + "/first.safetensors")
    let second = try Model(path: folder + "/second.safetensors")
    #expect(first.description == second.description && first.columns == second.columns)
    #expect(first.bounds == second.bounds && first.unboundedUnits == second.unboundedUnits)
    #expect(first.values != second.values)
    // Columns are found by name, and the run is the same.
    let turned = try train(folder, rest + " --data @turned.csv --epochs 20")
    #expect(try validation(turned) == validation(straight))
    #expect(try Model(path: folder + "/second.safetensors").values == second.values)
    // A rate of next to nothing stays where it began.
    let still = try train(
      folder,
      "--from @second.safetensors --data @x.csv --validation-data @x.csv --epochs 1 "
        + "--learning-rate 1e-9 --output @third.safetensors")
    #expect(abs(try validation(still) - validation(straight)) < 1e-4, "\(still)")
  }

  @Test("training that makes a model worse writes nothing and says so")
  func worse() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let result = try train(
      folder,
      "--from @first.safetensors --data @x.csv --epochs 1 --learning-rate 10 "
        + "--output @second.safetensors")
    #expect(result.status == 1)
    #expect(
      result.errors.contains("was better than \(folder)/first.safetensors"), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder + "/second.safetensors"))
  }

  @Test(
    "what does not go with a given model ends in one line that says why",
    arguments: [
      ("--flow MAF", 2, "give one of --flow, --config and --from"),
      ("--config @flow.json", 2, "give one of --flow, --config and --from"),
      ("--lower 0,0", 2, "--lower is for a new flow"),
      ("--robust", 2, "--robust is for a new flow"),
      ("--set transforms=2", 2, "--set is for a new flow"),
      ("--tails learnt", 2, "--tails is for a new flow"),
      ("--output @first.safetensors", 1, "it is an input of this command too"),
      ("--data @x.csv --columns mass,weight", 1, "weight"),
      ("--data @x.csv --columns mass", 1, "column"),
      ("--context-data @x.csv", 1, "no context, since the flow is unconditional"),
    ])
  func refused(words: String, status: Int32, message: String) throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var line = "--from @first.safetensors " + words
    if !words.contains("--data") { line += " --data @x.csv" }
    if !words.contains("--output") { line += " --output @second.safetensors" }
    let result = try train(folder, line)
    #expect(result.status == status && result.errors.contains(message), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder + "/second.safetensors"))
  }
}
