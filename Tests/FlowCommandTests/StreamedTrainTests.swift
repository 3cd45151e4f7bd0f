import FlowFiles
import Foundation
import Testing

/// `flowir train --memory …` on files that do not fit.
@Suite struct StreamedTrainTests {
  /// 12,000 rows of a date, a count and a bounded number, which depend on a context; a weight of 0, 1 or 2 each.
  private func workshop() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    func write(_ name: String, columns: Int, _ values: [Double], _ type: RowType) throws {
      let writer = try createRows("\(folder)/\(name)", columns: columns, type: type)
      try writer.write(values)
      try writer.finish()
    }
    var (x, c): ([Double], [Double]) = ([], [])
    for row in 0..<rows {
      let number = Double(row)
      c += [sin(number), 1]
      x += [2_460_000 + number.truncatingRemainder(dividingBy: 97) / 100, Double(row % 7)]
      x.append(0.5 + 0.4 * sin(number * 0.7))
    }
    try write("x.npy", columns: 3, x, .f64)
    try write("c.npy", columns: 2, c, .f32)
    try write("w.npy", columns: 1, (0..<rows).map { Double($0 % 3) }, .f32)
    try write("v.npy", columns: 3, Array(x.prefix(300)), .f64)
    try write("vc.npy", columns: 2, Array(c.prefix(200)), .f32)
    try write("x.csv", columns: 3, x, .f64)
    return folder
  }

  private let rows = 12_000

  private func train(
    _ folder: String, _ words: String, output: String = "m"
  ) throws -> CommandTests.Outcome {
    let files = words.split(separator: " ").map { word in
      word.contains(".npy") || word.contains(".csv") ? "\(folder)/\(word)" : String(word)
    }
    return try CommandTests().flowir(
      [
        "train", "--flow", "NSF", "--set", "hidden_features=[8]", "--set", "transforms=1",
        "--output",
        "\(folder)/\(output).safetensors", "--epochs", "2", "--batch-size", "512", "--json",
      ] + files)
  }

  private let all =
    "--data x.npy --context-data c.npy --weights w.npy --discrete 2 --lower=-inf,-inf,0 --upper=inf,inf,1"

  @Test(
    "rows that do not fit are streamed: units, bounds, counts, weights and notes are as in memory")
  func streams() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let memory = try train(folder, all, output: "memory")
    let streamed = try train(folder, all + " --memory 1M", output: "streamed")
    #expect(memory.status == 0 && streamed.status == 0, "\(streamed.errors)")
    #expect(streamed.errors.contains("rows are streamed") && !memory.errors.contains("streamed"))
    // The notes are the same, and the constant column of the context is among them.
    let notes = streamed.errors.split(separator: "\n").filter { !$0.contains("are streamed") }
    #expect(notes == memory.errors.split(separator: "\n"), "\(streamed.errors)")
    #expect(streamed.errors.contains("column 2 is 1.0 in all rows"))
    let (a, b) = (
      try JSONValue.parse(memory.output.utf8), try JSONValue.parse(streamed.output.utf8)
    )
    for summary in [a, b] {
      #expect(summary["train_rows"] == .integer(7200))
      #expect(summary["validation_rows"] == .integer(800))
    }
    func tensors(_ name: String) throws -> SafetensorsFile {
      try SafetensorsFile(path: "\(folder)/\(name).safetensors")
    }
    // Units are found in another order of sums.
    let (found, expected) = (try tensors("streamed"), try tensors("memory"))
    #expect(found.names == expected.names)
    var units = 0
    for name in expected.names where name.hasSuffix("loc") || name.hasSuffix("mean") {
      units += 1
      for (a, b) in zip(found[name]?.doubles ?? [], expected[name]?.doubles ?? []) {
        #expect(abs(a - b) <= 1e-6 * max(abs(b), 1), "\(name)")
      }
    }
    #expect(units >= 2, "\(expected.names)")
    let score = try CommandTests().flowir([
      "score", "\(folder)/streamed.safetensors", "--input", folder + "/x.npy", "--context",
      folder + "/c.npy", "--output", folder + "/s.npy",
    ])
    #expect(score.status == 0, "\(score.errors)")
  }

  @Test("a streamed run has the same bits on any number of threads")
  func threads() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let words = "--data x.npy --memory 1M --validation-data v.npy --circular 2:7 --threads"
    #expect(try train(folder, words + " 1", output: "one").status == 0)
    #expect(try train(folder, words + " 2", output: "two").status == 0)
    func bytes(_ name: String) -> Data? {
      FileManager.default.contents(atPath: "\(folder)/\(name).safetensors")
    }
    #expect(bytes("one") != nil && bytes("one") == bytes("two"))
  }

  @Test(
    "what can't be streamed is an error of one line that says what can",
    arguments: [
      ("--data x.csv --memory 0.1M", "expected a number of bytes from 1M on"),
      ("--data x.csv --memory 1M --validation 0", ""),
      ("--data x.npy --memory lots", "expected a number of bytes"),
      ("--data x.npy --memory 1M --validation-data x.npy", "fewer rows to judge epochs on"),
      ("--data x.npy --memory 1M --weights v.npy", "expected one column of weights"),
      ("--data x.npy --memory 1M --upper=inf,inf,0.8", "above its upper bound 0.8"),
      ("--data x.npy --memory 1M --discrete 3", "no whole number of steps"),
    ])
  func refuses(words: String, message: String) throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let result = try train(folder, words)
    guard !message.isEmpty else {
      #expect(result.status == 0, "\(result.errors)")
      return
    }
    #expect(result.status != 0 && result.errors.contains(message), "\(result.errors)")
  }
}
