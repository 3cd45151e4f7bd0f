import FlowFiles
import Flows
import Foundation
import Testing

/// `sample --within` and `score --within`.
@Suite struct WithinCommandTests {
  private let command = CommandTests()

  /// Gives a closure a folder with a model of two features named u and v, far from zero in the first.
  private func inFolder(context: Int = 0, _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var flow = try NSF(
      features: 2, context: context, transforms: 2, hiddenFeatures: [8], seed: 3)
    if context == 0 {
      let rows = (0..<40).map { row -> [Double] in
        let day = Double(row % 7) / 4
        return [2_460_000.5 + day, Double(row % 5)]
      }
      try flow.standardize(Rows(rows))
    }
    flow.model.columns = ColumnNames(x: ["u", "v"])
    try flow.save(to: folder + "/m.safetensors")
    try body(folder)
  }

  private func numbers(_ path: String) throws -> [Double] {
    let reader = try openRows(path)
    return try reader.read(1_000_000)
  }

  private func member(_ name: String, _ text: String) throws -> Double {
    switch try JSONValue.parse(text.utf8)[name] {
    case .number(let value)?: value
    case .integer(let value)?: Double(value)
    default: .nan
    }
  }

  @Test("samples are inside in the data's units, and their density and the score agree")
  func samples() throws {
    try inFolder { folder in
      let box = "u=2460000.9..2460001.5,v=..3"
      let drawn = try command.flowir(
        "sample", folder + "/m.safetensors", "--rows", "3000", "--within", box, "--seed", "2",
        "--output", folder + "/x.npy", "--log-prob", folder + "/lp.npy", "--mass",
        folder + "/mass.npy", "--mass-draws", "20000", "--json")
      #expect(drawn.status == 0, "\(drawn.errors)")
      let x = try numbers(folder + "/x.npy")
      #expect(x.count == 6_000)
      let days = 2_460_000.9...2_460_001.5
      for row in 0..<3_000 {
        #expect(days.contains(x[2 * row]))
        #expect(x[2 * row + 1] <= 3)
      }
      let mass = try numbers(folder + "/mass.npy")
      let share = try member("share_inside", drawn.output)
      #expect(try member("log_mass", drawn.output) == mass[0])
      #expect(try member("log_mass_error", drawn.output) == mass[1])
      #expect(try member("drawn", drawn.output) >= 3_000)
      // Two estimates of one probability.
      let tolerance: Double = 5 * (1.0 / 20_000 + 1.0 / 3_000).squareRoot()
      #expect(abs(log(share) - mass[0]) < tolerance)
      let scored = try command.flowir(
        "score", folder + "/m.safetensors", "--input", folder + "/x.npy", "--within", box,
        "--mass-draws", "20000", "--output", folder + "/score.npy", "--json")
      #expect(scored.status == 0, "\(scored.errors)")
      for (one, other) in zip(try numbers(folder + "/lp.npy"), try numbers(folder + "/score.npy")) {
        #expect(abs(one - other) < 2e-3)
      }
      // The same bounds as lists, in the order of the columns.
      let list = try command.flowir(
        "sample", folder + "/m.safetensors", "--rows", "3000", "--within",
        "2460000.9,-inf..2460001.5,3", "--seed", "2", "--threads", "1", "--output",
        folder + "/y.npy")
      #expect(list.status == 0, "\(list.errors)")
      let files = ["x", "y"].map { FileManager.default.contents(atPath: "\(folder)/\($0).npy") }
      #expect(files[0] == files[1])
    }
  }

  @Test(
    "rows that find none within the limit are NaN and counted; a box without a sample is an error")
  func limits() throws {
    try inFolder(context: 1) { folder in
      let contexts = try CommandTests.write([[0.1], [.nan], [-0.3]], to: folder + "/c.npy")
      let few = try command.flowir(
        "sample", folder + "/m.safetensors", "--rows", "50", "--context", contexts, "--within",
        "-0.2,-0.2..0.2,0.2", "--max-draws", "4", "--output", folder + "/x.csv", "--json")
      #expect(few.status == 0)
      let missing = try member("invalid_rows", few.output)
      #expect(missing > 60 && missing < 150)
      #expect(few.errors.contains("of its 4 candidates is inside --within"), "\(few.errors)")
      #expect(try member("first_invalid_row", few.output) >= 1)
      let one = try CommandTests.write([[0.1]], to: folder + "/c1.npy")
      let none = try command.flowir(
        "sample", folder + "/m.safetensors", "--rows", "50", "--context", one, "--within",
        "1=90..91", "--mass-draws", "1000", "--output", folder + "/none.npy")
      #expect(none.status == 1 && none.errors.contains("none of 1000 samples inside"))
      #expect(!FileManager.default.fileExists(atPath: folder + "/none.npy"))
      let rows = try CommandTests.write([[0, 90.5], [0, 1], [90.5, 2]], to: folder + "/r.npy")
      let scored = try command.flowir(
        "score", folder + "/m.safetensors", "--input", rows, "--context",
        CommandTests.write([[0.1], [0.2], [0.1]], to: folder + "/c3.npy"), "--within", "u=90..91",
        "--mass-draws", "100", "--output", folder + "/s.npy", "--json")
      #expect(scored.status == 0 && scored.errors.contains("row 3: none of the 100 samples"))
      let values = try numbers(folder + "/s.npy")
      #expect(values[0] == -.infinity && values[1] == -.infinity && values[2].isNaN)
    }
  }

  @Test(
    "weights by another model are those by a file of its log-densities, and sum to 1 for each context"
  )
  func importance() throws {
    try inFolder(context: 1) { folder in
      let (model, other) = (folder + "/m.safetensors", folder + "/other.safetensors")
      try NSF(features: 2, context: 1, transforms: 1, hiddenFeatures: [8], seed: 4).save(to: other)
      let contexts = try CommandTests.write([[0.1], [-0.3]], to: folder + "/c.npy")
      let repeated = try CommandTests.write(
        (0..<600).map { [$0 < 300 ? 0.1 : -0.3] }, to: folder + "/all.npy")
      func sample(_ target: String, _ name: String) throws -> CommandTests.Outcome {
        try command.flowir(
          "sample", model, "--rows", "300", "--context", contexts, "--seed", "5", "--output",
          "\(folder)/\(name).npy", "--log-prob", "\(folder)/\(name)-lp.npy", "--log-target", target,
          "--weights", "\(folder)/\(name)-w.npy", "--json")
      }
      let one = try sample(other, "one")
      #expect(one.status == 0, "\(one.errors)")
      let scored = try command.flowir(
        "score", other, "--input", folder + "/one.npy", "--context", repeated, "--output",
        folder + "/target.npy")
      #expect(scored.status == 0, "\(scored.errors)")
      let two = try sample(folder + "/target.npy", "two")
      #expect(two.status == 0, "\(two.errors)")
      let weights = try numbers(folder + "/one-w.npy")
      #expect(weights == (try numbers(folder + "/two-w.npy")) && weights.count == 600)
      let (first, second) = (weights[..<300].reduce(0, +), weights[300...].reduce(0, +))
      #expect(abs(first - 1) < 1e-12 && abs(second - 1) < 1e-12)
      let size = try member("effective_sample_size", one.output)
      let sizes = [weights[..<300], weights[300...]].map { 1 / $0.reduce(0) { $0 + $1 * $1 } }
      #expect(abs(size - min(sizes[0], sizes[1])) < 1e-6)
      #expect(try member("pareto_k", one.output) < 2)
      // Weighing by the flow itself.
      let same = try sample(model, "same")
      #expect(abs(try member("effective_sample_size", same.output) - 300) < 1e-3, "\(same.errors)")
      let few = try CommandTests.write([[0]], to: folder + "/few.npy")
      let wrong = try sample(few, "wrong")
      #expect(wrong.status == 1 && wrong.errors.contains("600, one for each sample"))
      let alone = try command.flowir(
        "sample", model, "--rows", "3", "--output", folder + "/z.npy", "--weights",
        folder + "/w.npy")
      #expect(alone.status == 2 && alone.errors.contains("--log-target"))
    }
  }

  @Test(
    "boxes that can't be read are bad arguments",
    arguments: [
      "0,1", "0..1", "0,0..1", "w=0..1", "3=0..1", "0=0..1", "u=1..0", "u=0", "u=a..1", "1,0..0,1",
      "nan,0..1,1",
    ])
  func arguments(box: String) throws {
    try inFolder { folder in
      let result = try command.flowir(
        "sample", folder + "/m.safetensors", "--rows", "5", "--within", box, "--output",
        folder + "/x.npy")
      #expect(result.status == 2 && result.errors.contains("--within"), "\(result)")
    }
  }
}
