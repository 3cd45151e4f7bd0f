import FlowFiles
import Foundation
import Testing

/// The real executable in real processes, on real files.
@Suite struct CommandTests {
  /// A folder with a small trained model and its data.
  private func workshop() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let x = try createRows(folder + "/x.npy", columns: 3)
    let c = try createRows(folder + "/c.npy", columns: 1)
    for row in 0..<300 {
      let t = Float(row) * 0.7
      try x.write([sin(t), cos(t) + 0.1 * sin(3 * t), sin(2 * t)])
      try c.write([cos(t)])
    }
    try x.finish()
    try c.finish()
    let result = try flowir(
      "train", "--flow", "MAF", "--features", "3", "--context", "1", "--data", folder + "/x.npy",
      "--context-data", folder + "/c.npy", "--output", folder + "/m.safetensors", "--epochs", "3",
      "--batch-size", "64", "--json")
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    let summary = try JSONValue.parse(result.output.utf8)
    #expect(summary["epochs"] == .integer(3))
    return folder
  }

  @Test("train says how many rows have no density, to people and to programs")
  func rowsWithoutDensity() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let x = try createRows(folder + "/x.npy", columns: 1)
    for row in 0..<100 { try x.write([row % 10 == 0 ? 1e20 : sin(Float(row))]) }
    try x.finish()
    let train = [
      "train", "--flow", "NSF", "--data", folder + "/x.npy", "--output", folder + "/m.safetensors",
      "--epochs", "2", "--batch-size", "32", "--validation", "0.5", "--no-standardize",
    ]
    let spoken = try flowir(train)
    #expect(spoken.status == 0)
    #expect(spoken.errors.contains("of 50 validation rows have no finite density"))
    #expect(spoken.output.contains("of 50 rows, which have no finite density)"))
    let result = try flowir(train + ["--json"])
    let summary = try JSONValue.parse(result.output.utf8)
    func count(_ name: String) -> Int {
      if case .integer(let count)? = summary[name] { count } else { -1 }
    }
    let held = count("validation_rows_without_density")
    #expect(count("train_rows_without_density") + held == 10 && held > 0 && result.status == 0)
    #expect(summary["train_rows"] == .integer(50) && summary["validation_rows"] == .integer(50))
    #expect(summary["validation_log_likelihood"] != .null)
  }

  @Test("train, score, transform, invert, sample, gradient, info and dump on one model")
  func tour() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = folder + "/m.safetensors"
    func path(_ name: String) -> String { folder + "/" + name }
    func read(_ name: String) throws -> [Double] { try openRows(path(name)).read(10_000) }

    var result = try flowir(
      "score", model, "--input", path("x.npy"), "--context", path("c.npy"), "--output",
      path("lp.npy"), "--chunk", "77")
    #expect(result.status == 0 && result.output.isEmpty && result.errors.isEmpty)
    #expect(try read("lp.npy").count == 300)

    result = try flowir(
      "transform", model, "--input", path("x.npy"), "--context", path("c.npy"), "--output",
      path("z.npy"), "--ladj", path("l.npy"), "--dtype", "f64")
    #expect(result.status == 0)
    result = try flowir(
      "transform", model, "--inverse", "--input", path("z.npy"), "--context", path("c.npy"),
      "--output", path("back.csv"), "--dtype", "f64")
    #expect(result.status == 0)
    for (a, b) in zip(try read("back.csv"), try read("x.npy")) { #expect(abs(a - b) < 1e-9) }
    let (z, ladj, logProb) = (try read("z.npy"), try read("l.npy"), try read("lp.npy"))
    for row in 0..<300 {
      let square = (0..<3).reduce(0.0) { $0 + z[row * 3 + $1] * z[row * 3 + $1] }
      let expected = -0.5 * square - 3 * 0.9189385332046727 + ladj[row]
      #expect(abs(logProb[row] - expected) < 1e-4)
    }

    for (name, threads) in [("s1.npy", "1"), ("s2.npy", "2")] {
      result = try flowir(
        "sample", model, "--rows", "5", "--context", path("c.npy"), "--seed", "9", "--output",
        path(name), "--threads", threads)
      #expect(result.status == 0)
    }
    #expect(try read("s1.npy").count == 300 * 5 * 3)
    #expect(
      FileManager.default.contents(atPath: path("s1.npy"))
        == FileManager.default.contents(atPath: path("s2.npy")))

    result = try flowir(
      "gradient", model, "--input", path("x.npy"), "--context", path("c.npy"), "--output",
      path("g.safetensors"), "--json")
    #expect(result.status == 0)
    let gradient = try SafetensorsFile(path: path("g.safetensors"))
    let mean = logProb.reduce(0, +) / 300
    #expect(abs((gradient["loss"]?.doubles.first ?? .nan) + mean) < 1e-4)
    #expect(gradient["x"]?.shape == [300, 3] && gradient["context"]?.shape == [300, 1])
    #expect(gradient["transform.transforms.1.hyper.0.weight"]?.shape == [64, 4])

    result = try flowir("info", model)
    #expect(result.output.contains("parameters  14610"), "\(result.output)")
    try flowir("dump", model, "--function", "sample").output.write(
      toFile: path("sample.flowir"), atomically: true, encoding: .utf8)
    result = try flowir("opt", path("sample.flowir"), "--pass", "dead-code")
    #expect(result.output == (try String(contentsOfFile: path("sample.flowir"), encoding: .utf8)))
    for stage in ["trace", "optimized", "tiles", "c"] {
      for function in ["log_prob", "sample", "gradient", "train_step"] {
        result = try flowir("dump", model, "--function", function, "--stage", stage)
        #expect(result.status == 0 && result.output.count > 500)
      }
    }
    result = try flowir("dump", model, "--stage", "tiles", "--times")
    for part in ["pass simplify", "stage row-loops", "stage storage", "stage call-sharing"] {
      #expect(result.errors.contains("note: \(part): "), "\(result.errors)")
    }
  }

  @Test("a dump is a file that opt and run take")
  func textFiles() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = folder + "/f.flowir"
    try """
    flowir 1
    func @f(input %x: rows x 3 x f64) {
      %a = negate %x : rows x 3 x f64
      %b = negate %a : rows x 3 x f64
      %c = reduce_sum %b axis 0 : rows x f64
      return y = %c
    }
    """.write(toFile: file, atomically: true, encoding: .utf8)
    var result = try flowir("opt", file, "--pass", "simplify,dead-code")
    #expect(result.output.contains("reduce_sum %x axis 0"))
    result = try flowir(
      "run", file, "--function", "f", "--input", "x=\(folder)/x.npy", "--output",
      "y=\(folder)/y.npy")
    #expect(result.status == 0, "\(result.errors)")
    let (x, y) = (
      try openRows(folder + "/x.npy").read(999), try openRows(folder + "/y.npy").read(999)
    )
    #expect(y.count == 300 && y[7] == x[21] + x[22] + x[23])
    result = try flowir("opt", file, "--pass", "nonsense")
    #expect(result.status == 2 && result.errors.contains("unknown pass 'nonsense'"))
  }

  @Test("rows with NaN or infinity score NaN, the others are untouched")
  func invalidRows() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "0,0,0\nnan,0,0\n0,inf,0\n0,0,0\n".write(
      toFile: folder + "/x.csv", atomically: true, encoding: .utf8)
    try "1\n1\n1\n1\n".write(toFile: folder + "/c.csv", atomically: true, encoding: .utf8)
    let result = try flowir(
      "score", folder + "/m.safetensors", "--input", folder + "/x.csv", "--context",
      folder + "/c.csv", "--output", folder + "/lp.csv", "--json")
    #expect(result.status == 0 && result.output.contains("\"invalid_rows\": 2"))
    let values = try openRows(folder + "/lp.csv").read(9)
    #expect(values[1].isNaN && values[2].isNaN && values[0].isFinite && values[0] == values[3])
  }

  @Test("bad input gets one line that says what, where and what to do; no output appears")
  func badInput() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = folder + "/m.safetensors"
    try "1,2\n".write(toFile: folder + "/two.csv", atomically: true, encoding: .utf8)
    try "1,2,3\n1,2\n".write(toFile: folder + "/ragged.csv", atomically: true, encoding: .utf8)
    try Data("junk".utf8).write(to: URL(fileURLWithPath: folder + "/junk.safetensors"))
    let output = folder + "/out.npy"
    let cases: [([String], String)] = [
      (["score", model, "--input", folder + "/x.npy"], "expected --context with 1 columns"),
      (
        ["score", model, "--input", folder + "/two.csv", "--context", folder + "/c.npy"],
        "found 2 columns, expected 3 features"
      ),
      (
        ["score", model, "--input", folder + "/ragged.csv", "--context", folder + "/c.npy"],
        "row 2: 2 columns"
      ),
      (
        ["score", folder + "/junk.safetensors", "--input", folder + "/x.npy"],
        "byte 4: too short"
      ),
      (["score", folder + "/none.safetensors", "--input", "x.npy"], "No such file"),
      (["transform", model, "--input", folder + "/x.txt"], "unknown ending"),
    ]
    for (arguments, message) in cases {
      let process = try flowirList(arguments + ["--output", output])
      #expect(process.status == 1, "\(arguments)")
      #expect(process.errors.contains(message), "\(process.errors)")
      #expect(process.errors.split(separator: "\n").count == 1)
      #expect(!FileManager.default.fileExists(atPath: output))
    }
    #expect(try flowir("score", model).status == 2)
    #expect(try flowir("nonsense").status == 2)
    #expect(try flowir("score", "--help").status == 0)
  }

  private func flowirList(_ arguments: [String]) throws -> Outcome {
    switch arguments.count {
    case 6:
      try flowir(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5])
    default:
      try flowir(
        arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5],
        arguments[6], arguments[7])
    }
  }

  @Test("an interrupted score goes on and gives the bytes of a whole run")
  func resume() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let common = [
      "score", folder + "/m.safetensors", "--input", folder + "/x.npy", "--context",
      folder + "/c.npy",
    ]
    _ = try flowirList(common + ["--output", folder + "/whole.npy"])
    // A run that stops at a context that is too short leaves its partial file.
    let short = try createRows(folder + "/short.npy", columns: 1)
    try short.write([Float](repeating: 0, count: 100))
    try short.finish()
    let whole = try #require(FileManager.default.contents(atPath: folder + "/whole.npy"))
    let job = Process()
    job.executableURL = Self.executable
    job.arguments = common + ["--output", folder + "/part.npy", "--chunk", "1"]
    try job.run()
    usleep(150_000)
    job.terminate()
    job.waitUntilExit()
    let result = try flowirResume(common, output: folder + "/part.npy")
    #expect(result.status == 0, "\(result.errors)")
    #expect(FileManager.default.contents(atPath: folder + "/part.npy") == whole)
  }

  private func flowirResume(_ common: [String], output: String) throws -> Outcome {
    try flowir(
      common[0], common[1], common[2], common[3], common[4], common[5], "--output", output,
      "--resume", "--chunk", "7")
  }

  @Test("the hand-written Gaussian model learns the simulator")
  func gaussianModel() throws {
    let numbers = try runExample("GaussianModel").suffix(2).compactMap { line in
      line.split(separator: " ").compactMap { Double($0) }.last
    }
    try #require(numbers.count == 2)
    // Trained on half a million rows it comes within a few hundredths of a nat.
    #expect(numbers[0] > numbers[1] - 0.05 && numbers[0] < numbers[1] + 0.02)
  }

  @Test("rows stream through standard input and output")
  func streams() throws {
    let folder = try workshop()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "0.5\n0.25\n".write(toFile: folder + "/c.csv", atomically: true, encoding: .utf8)
    let result = try flowir(
      "score", folder + "/m.safetensors", "--input", "-", "--context", folder + "/c.csv",
      "--output", "-", input: "0,0,0\n1,1,1\n")
    #expect(result.status == 0)
    #expect(result.output.split(separator: "\n").compactMap { Double($0) }.count == 2)
  }
}
