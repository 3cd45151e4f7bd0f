import FlowFiles
import Foundation
import Testing

/// `flowir train --weights … --validation-data …`.
@Suite struct TrainWeightsTests {
  private func workshop() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    func write(_ name: String, columns: Int?, _ values: [Float]) throws {
      let writer = try createRows(folder + "/" + name, columns: columns)
      try writer.write(values)
      try writer.finish()
    }
    let x = (0..<200).map { sin(Float($0) * 0.7) }
    try write("x.npy", columns: 2, x)
    try write("v.npy", columns: 2, Array(x.suffix(60)))
    try write("w.npy", columns: nil, (0..<100).map { Float($0 % 3) })
    try write("ones.npy", columns: 1, Array(repeating: 1, count: 100))
    try write("vw.csv", columns: 1, (0..<30).map { Float($0) })
    try write("negative.npy", columns: 1, (0..<100).map { $0 == 6 ? -2 : 1 })
    try write("zeros.npy", columns: 1, Array(repeating: 0, count: 100))
    return folder
  }

  private func train(_ folder: String, _ words: String, output: String = "m") throws
    -> CommandTests.Outcome
  {
    let files = words.split(separator: " ").map { word in
      word.contains(".npy") || word.contains(".csv") ? "\(folder)/\(word)" : String(word)
    }
    return try CommandTests().flowir(
      [
        "train", "--flow", "NICE", "--set", "hidden_features=[8]", "--data", folder + "/x.npy",
        "--output", "\(folder)/\(output).safetensors", "--epochs", "2", "--json",
      ] + files)
  }

  @Test("train takes weights and validation rows, and says how many rows it used")
  func weights() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let result = try train(
      folder, "--weights w.npy --validation-data v.npy --validation-weights vw.csv")
    #expect(result.status == 0, "\(result.errors)")
    let summary = try JSONValue.parse(result.output.utf8)
    // A third of the weights, and the first of the validation's, are 0.
    #expect(summary["train_rows"] == .integer(66) && summary["validation_rows"] == .integer(29))
    #expect(try train(folder, "", output: "plain").status == 0)
    #expect(try train(folder, "--weights ones.npy", output: "ones").status == 0)
    func bytes(_ name: String) -> Data? {
      FileManager.default.contents(atPath: "\(folder)/\(name).safetensors")
    }
    #expect(
      bytes("plain") != nil && bytes("ones") == bytes("plain") && bytes("m") != bytes("plain"))
  }

  @Test(
    "weights and validation rows that do not fit end in one line that says why",
    arguments: [
      ("--weights vw.csv", 1, "vw.csv: found 30 weights, expected 100, one for each row of"),
      ("--weights x.npy", 1, "x.npy: found 2 columns, expected one column of weights"),
      ("--weights negative.npy", 1, "negative.npy: row 7: the weight is -2.0"),
      ("--weights zeros.npy", 1, "zeros.npy: found only zeros"),
      ("--validation-data w.npy", 1, "w.npy: found 1 columns, expected 2 features"),
      ("--validation-data v.npy --validation-weights w.npy", 1, "expected 30, one for each row of"),
      ("--validation 0.2 --validation-data v.npy", 2, "not both"),
      ("--validation-weights vw.csv", 2, "goes with --validation-data"),
    ])
  func refused(words: String, status: Int32, message: String) throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let result = try train(folder, words)
    #expect(result.status == status)
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder + "/m.safetensors"))
  }
}
