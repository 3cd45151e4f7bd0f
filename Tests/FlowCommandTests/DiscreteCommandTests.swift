import FlowFiles
import Foundation
import Testing

/// `flowir train --discrete …`, and what `score` and `sample` make of it.
@Suite struct DiscreteCommandTests {
  private func workshop() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var text = "size,count\n"
    for row in 0..<600 {
      let size = sin(Double(row) * 0.7) + 5000
      // A geometric number: how many trailing ones the row's number has.
      var (count, rest) = (0, row * 2_654_435_761 >> 5)
      while rest & 1 == 1 { (count, rest) = (count + 1, rest >> 1) }
      text += "\(size),\(count)\n"
    }
    try text.write(toFile: folder + "/x.csv", atomically: true, encoding: .utf8)
    return folder
  }

  private func train(_ folder: String, _ words: String...) throws -> CommandTests.Outcome {
    try CommandTests().flowir(
      [
        "train", "--flow", "NSF", "--data", folder + "/x.csv", "--output",
        folder + "/m.safetensors", "--epochs", "3",
      ] + words)
  }

  @Test(
    "score gives masses and says how it found them; samples are of the grid and inside of bounds")
  func counts() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (transforms, kind) in [("1", "exact"), ("2", "estimate")] {
      let trained = try train(
        folder, "--set", "transforms=\(transforms)", "--discrete", "count", "--lower", "-inf,0")
      #expect(trained.status == 0, "\(trained.errors)")
      #expect(!trained.errors.contains("distinct numbers"), "\(trained.errors)")
      var grid = "size,count\n"
      for count in 0..<60 { grid += "5000.25,\(count)\n" }
      grid += "5000.25,0.5\n5000.25,-1\n"
      try grid.write(toFile: folder + "/grid.csv", atomically: true, encoding: .utf8)
      let scored = try CommandTests().flowir(
        [
          "score", folder + "/m.safetensors", "--input", folder + "/grid.csv", "--output",
          folder + "/lp.npy", "--mass-error", folder + "/error.npy", "--json",
        ])
      #expect(scored.status == 0, "\(scored.errors)")
      let summary = try JSONValue.parse(scored.output.utf8)
      #expect(summary["mass"] == .string(kind) && summary["discrete"] == .array([.integer(2)]))
      #expect(summary["cell_points"] == (kind == "exact" ? nil : .integer(256)))
      let logMass = try NPYReader(folder + "/lp.npy").read(100)
      let errors = try NPYReader(folder + "/error.npy").read(100)
      #expect(logMass.count == 62 && logMass[60] == -.infinity && logMass[61] == -.infinity)
      #expect(errors.prefix(60).allSatisfy { kind == "exact" ? $0 == 0 : $0 >= 0 && $0 < 0.1 })
      #expect(logMass[0] > logMass[5])

      let drawn = try CommandTests().flowir(
        "sample", folder + "/m.safetensors", "--rows", "2000", "--output", folder + "/s.npy")
      #expect(drawn.status == 0, "\(drawn.errors)")
      let rows = try NPYReader(folder + "/s.npy").read(2000)
      let counts = stride(from: 1, to: rows.count, by: 2).map { rows[$0] }
      #expect(counts.count == 2000 && counts.allSatisfy { $0 >= 0 && $0 == $0.rounded() })
      #expect(counts.contains(0) && counts.contains(2))
      #expect(stride(from: 0, to: rows.count, by: 2).contains { rows[$0] != rows[$0].rounded() })
    }
  }

  @Test("a box keeps the whole cells of the numbers inside: scores add up to 1 over them")
  func boxes() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for transforms in ["1", "2"] {
      let trained = try CommandTests().flowir(
        "train", "--flow", "NSF", "--data", folder + "/x.csv", "--columns", "count", "--output",
        folder + "/m.safetensors", "--epochs", "3", "--set", "transforms=\(transforms)",
        "--discrete",
        "count", "--lower", "0")
      #expect(trained.status == 0, "\(trained.errors)")
      try ("count\n" + (0..<8).map { "\($0)\n" }.joined()).write(
        toFile: folder + "/grid.csv", atomically: true, encoding: .utf8)
      func scores(_ within: [String]) throws -> (values: [Double], summary: JSONValue) {
        let result = try CommandTests().flowir(
          [
            "score", folder + "/m.safetensors", "--input", folder + "/grid.csv", "--output",
            folder + "/l.npy", "--mass-error", folder + "/e.npy", "--json",
          ] + within)
        #expect(result.status == 0, "\(result.errors)")
        return (
          try NPYReader(folder + "/l.npy").read(9), try JSONValue.parse(result.output.utf8)
        )
      }
      // 0.6 to 3.4 has the numbers 1 to 3, and so has 1 to 3.
      let free = try scores([]).values
      let (boxed, summary) = try scores(["--within", "0.6..3.4"])
      #expect(try scores(["--within", "count=1..3"]).values == boxed)
      guard case .number(let mass)? = summary["log_mass"],
        case .number(let error)? = summary["log_mass_error"]
      else {
        Issue.record("no mass: \(summary)")
        return
      }
      for count in 0..<8 where free[count] > -.infinity {
        #expect(
          (1...3).contains(count)
            ? abs(boxed[count] - (free[count] - mass)) < 1e-5 : boxed[count] == -.infinity)
      }
      // Four standard errors of the box's probability, and what the cells' own come to.
      let total = boxed.reduce(0) { $0 + exp($1) }
      #expect(abs(total - 1) < 4 * error + (transforms == "1" ? 1e-4 : 0.02), "\(total) \(error)")
      let drawn = try CommandTests().flowir(
        "sample", folder + "/m.safetensors", "--rows", "4000", "--within", "1..3", "--output",
        folder + "/s.npy")
      #expect(drawn.status == 0, "\(drawn.errors)")
      let counts = try NPYReader(folder + "/s.npy").read(5000)
      #expect(counts.count == 4000 && Set(counts).isSubset(of: [1, 2, 3]))
      for number in 1...3 {
        let share = exp(boxed[number])
        let deviation = (share * (1 - share) / 4000).squareRoot()
        let found = Double(counts.count { $0 == Double(number) }) / 4000
        #expect(abs(found - share) < 4 * deviation + 0.01, "\(number): \(found) \(share)")
      }
    }
  }

  @Test("what does not fit ends in one line that says why")
  func refused() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (words, status, message) in [
      (["--discrete", "size"], 1, "x.csv: row 3: column 1 is"),
      (
        ["--discrete", "counts"], 2,
        "there is no column 'counts'; expected 1 to 2, or one of size, count"
      ),
      (["--discrete", "count:-1"], 2, "expected COLUMN or COLUMN:STEP with a positive step"),
      (["--discrete", "count,2"], 2, "column '2' is given twice"),
      (["--discrete", "count", "--circular", "count:12"], 1, "which is on a circle"),
    ] {
      let result = try CommandTests().flowir(
        [
          "train", "--flow", "NSF", "--data", folder + "/x.csv", "--output",
          folder + "/m.safetensors", "--epochs", "1",
        ] + words)
      #expect(result.status == Int32(status), "\(words): \(result.errors)")
      #expect(result.errors.contains(message), "\(words): \(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder + "/m.safetensors"))
    }
    #expect(try train(folder, "--discrete", "count:0.5").status == 0)
    for words in [["score", "--input", folder + "/x.csv"], ["sample", "--rows", "10"]] {
      let result = try CommandTests().flowir(
        [words[0], folder + "/m.safetensors"] + words.dropFirst()
          + ["--within", "count=0.1..0.4", "--output", folder + "/out.npy"])
      #expect(
        result.status == 2 && result.errors.contains("a number of the grid 0.0, 0.5"),
        "\(result.errors)")
    }
  }
}
