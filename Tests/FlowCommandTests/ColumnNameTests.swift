import FlowFiles
import Flows
import Foundation
import Testing

/// Names of columns: kept in the model by `flowir train`, and used by what reads tables.
@Suite struct ColumnNameTests {
  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func flowir(_ folder: String, _ line: String) throws -> CommandTests.Outcome {
    try CommandTests().flowir(
      line.split(separator: " ").map { $0.replacing("@", with: folder + "/").description })
  }

  /// Writes a table with a column for each name: `mass`, `radius` and `age` are what they are in every
  /// table, any other is of zeros.
  private func write(_ path: String, _ names: [String], header: Bool = true) throws {
    var generator = SeededGenerator(seed: 8)
    var text = header ? names.joined(separator: ",") + "\n" : ""
    for _ in 0..<120 {
      let mass = generator.normal()
      let known = [
        "mass": 5 + mass, "radius": 2 * mass + generator.normal(), "age": generator.uniform(),
      ]
      text += names.map { "\(known[$0] ?? 0)" }.joined(separator: ",") + "\n"
    }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
  }

  @Test("a table in another order, or with other columns between, scores as the one trained on")
  func order() throws {
    try inFolder { folder in
      try write(folder + "/x.csv", ["mass", "radius"])
      try write(folder + "/c.csv", ["age"])
      try write(folder + "/plain.csv", ["mass", "radius"], header: false)
      try write(folder + "/other.csv", ["id", "radius", "age", "mass"])
      let trained = try flowir(
        folder,
        "train --flow MAF --set hidden_features=[8] --data @x.csv --context-data @c.csv "
          + "--validation-data @other.csv --validation-context-data @other.csv --epochs 2 "
          + "--output @m.safetensors")
      #expect(trained.status == 0, "\(trained.errors)")
      let model = try Model(path: folder + "/m.safetensors")
      #expect(model.columns == ColumnNames(x: ["mass", "radius"], context: ["age"]))
      let info = try flowir(folder, "info @m.safetensors").output
      #expect(info.contains("columns     mass, radius\nof context  age\n"))
      let built = try flowir(
        folder, "compile @m.safetensors --function log_prob --output @libm.so")
      #expect(built.status == 0, "\(built.errors)")
      var scores: [[Double]] = []
      for (model, x, c) in [
        ("m.safetensors", "x", "c"), ("m.safetensors", "plain", "other"),
        ("m.safetensors", "other", "other"), ("libm.so", "other", "other"),
      ] {
        let result = try flowir(
          folder, "score @\(model) --input @\(x).csv --context @\(c).csv --output @lp.npy")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("read by name: mass, radius") == (x == "other"))
        scores.append(try openRows(folder + "/lp.npy").read(1000))
      }
      #expect(scores[1] == scores[0] && scores[2] == scores[0])
      // The artifact computes in float32 from the start.
      for (one, other) in zip(scores[3], scores[0]) { #expect(abs(one - other) < 1e-4) }
    }
  }

  @Test(
    "a missing column is an error that names it; --columns gives other names, in the right order")
  func missing() throws {
    try inFolder { folder in
      try write(folder + "/x.csv", ["mass", "radius"])
      try write(folder + "/other.csv", ["radius", "weight"])
      try write(folder + "/swapped.csv", ["radius", "mass"])
      let trained = try flowir(
        folder, "train --flow MAF --data @x.csv --epochs 1 --output @m.safetensors")
      #expect(trained.status == 0, "\(trained.errors)")
      let score = "score @m.safetensors --output @lp.npy --input "
      let result = try flowir(folder, score + "@other.csv")
      #expect(result.status == 1 && result.errors.contains("no column 'mass'"), "\(result.errors)")
      #expect(result.errors.contains("'mass', 'radius'") && result.errors.contains("--columns"))
      #expect(try flowir(folder, score + "@other.csv --columns weight,radius").status == 0)
      #expect(try flowir(folder, score + "@swapped.csv --columns 2,1").status == 0)
      let wrong = try flowir(folder, score + "@swapped.csv --columns radius,mass")
      #expect(wrong.status == 1 && wrong.errors.contains("in this order"), "\(wrong.errors)")
    }
  }

  @Test("names that a model file states wrongly are an error")
  func malformed() throws {
    try inFolder { folder in
      let path = folder + "/m.safetensors"
      var model = try Model(.maf(), features: 2)
      model.columns.x = ["a", "b"]
      try model.save(to: path)
      #expect(try Model(path: path).columns.x == ["a", "b"])
      var file = try SafetensorsFile(path: path)
      for text in [#"{"x": ["a"]}"#, "{", #"{"x": [1, 2]}"#] {
        file.metadata["flowir.columns"] = text
        try file.write(to: path)
        #expect(throws: FileError.self) { try Model(path: path) }
      }
    }
  }
}
