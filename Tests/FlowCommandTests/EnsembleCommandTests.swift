import FlowFiles
import Flows
import Foundation
import Testing

/// `flowir ensemble`.
@Suite struct EnsembleCommandTests {
  private let command = CommandTests()

  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  @Test("every command takes the file, and a compiled object of it gives the same bits")
  func commands() throws {
    try inFolder { folder in
      var members: [Model] = []
      for (index, centre) in [-2.0, 2].enumerated() {
        var model = try Model(.maf(.init(transforms: 1)), features: 2, seed: UInt64(index))
        try model.standardize(
          Rows([centre - 1, 4, centre + 1, 6, centre, 5], columns: 2), by: .deviation)
        model.columns.x = ["a", "b"]
        try model.save(to: folder + "/\(index).safetensors")
        members.append(model)
      }
      let path = folder + "/both.safetensors"
      let made = try command.flowir(
        "ensemble", folder + "/0.safetensors", folder + "/1.safetensors", "--weights", "3, 1",
        "--output", path, "--json")
      #expect(made.status == 0 && made.errors.isEmpty, "\(made.errors)")
      #expect(try JSONValue.parse(made.output.utf8)["members"] == .integer(2))
      let expected = try Model(ensemble: members, weights: [3, 1])
      let found = try Model(path: path)
      #expect(found.values == expected.values && found.columns.x == ["a", "b"])

      let rows: [[Float]] = [[-2, 5], [2.5, 4], [0, 5]]
      let x = try CommandTests.write(rows, to: folder + "/x.npy")
      let object = folder + "/libboth.so"
      for arguments in [
        ["compile", path, "--output", object],
        ["score", path, "--input", x, "--output", folder + "/1.npy"],
        ["score", object, "--input", x, "--output", folder + "/2.npy"],
        ["sample", path, "--rows", "1000", "--seed", "3", "--output", folder + "/s1.npy"],
        ["sample", object, "--rows", "1000", "--seed", "3", "--output", folder + "/s2.npy"],
        ["info", path], ["check", path],
        ["plot", path, "--output", folder + "/p.svg"],
        ["sample", path, "--rows", "50", "--within", "a=0..1", "--output", folder + "/w.npy"],
      ] {
        let result = try command.flowir(arguments)
        #expect(result.status == 0, "\(arguments) \(result.errors)")
      }
      let scored = try openRows(folder + "/1.npy").read(3)
      let exact = try expected.compiled().logProb(Rows(rows.flatMap(\.self), columns: 2))
      #expect(scored.map { Float($0) } == exact)
      #expect(try openRows(folder + "/2.npy").read(3) == scored)
      let drawn = try openRows(folder + "/s1.npy").read(1_000)
      #expect(try openRows(folder + "/s2.npy").read(1_000) == drawn)
      // The deviation of a share of 3/4 of 1000 is 0.0137; untrained flows are 4 scales apart or more.
      let left = Double(stride(from: 0, to: 2_000, by: 2).count { drawn[$0] < 0 }) / 1_000
      #expect(abs(left - 0.75) < 0.08, "\(left)")
    }
  }

  @Test(
    "dates between bounds keep their digits: scores are those of --dtype f64, samples are inside")
  func boundedDates() throws {
    try inFolder { folder in
      let date = 2_459_000.123456
      for index in 0..<2 {
        var model = try Model(
          .nsf(.init(transforms: 1, network: .init(hiddenFeatures: [8]))), features: 1,
          seed: UInt64(index))
        try model.bound(Bounds(lower: [date], upper: [date + 1 + Double(index)]))
        try model.save(to: folder + "/\(index).safetensors")
      }
      let (path, x) = (folder + "/both.safetensors", folder + "/x.npy")
      let writer = try createRows(x, columns: 1, type: .f64)
      try writer.write((1..<200).map { date + Double($0) / 200 })
      try writer.finish()
      for arguments in [
        [
          "ensemble", folder + "/0.safetensors", folder + "/1.safetensors", "--output", path,
        ],
        ["score", path, "--input", x, "--output", folder + "/32.npy"],
        ["score", path, "--input", x, "--output", folder + "/64.npy", "--dtype", "f64"],
        ["sample", path, "--rows", "20000", "--seed", "1", "--output", folder + "/s.npy"],
      ] {
        let result = try command.flowir(arguments)
        #expect(result.status == 0 && result.errors.isEmpty, "\(arguments) \(result.errors)")
      }
      let narrow = try openRows(folder + "/32.npy").read(200)
      let exact = try openRows(folder + "/64.npy").read(200)
      #expect(zip(narrow, exact).allSatisfy { abs($0 - $1) < 2e-4 })
      let drawn = try openRows(folder + "/s.npy").read(20_000)
      #expect(drawn.allSatisfy { $0 >= date && $0 <= date + 2 })
      #expect(Set(drawn).count > 19_900)
    }
  }

  @Test("what does not fit is an error that names the file")
  func errors() throws {
    try inFolder { folder in
      func save(_ name: String, _ features: Int, _ columns: [String] = []) throws -> String {
        var model = try Model(.maf(.init(transforms: 1)), features: features)
        model.columns.x = columns
        try model.save(to: folder + "/\(name)")
        return folder + "/\(name)"
      }
      let (a, b, c) = (
        try save("a.safetensors", 2, ["u", "v"]), try save("b.safetensors", 3),
        try save("c.safetensors", 2, ["v", "u"])
      )
      let out = folder + "/out.safetensors"
      for (arguments, status, message) in [
        ([a, b], 1, "b.safetensors: found 3 features, expected 2, as in"),
        ([a, c], 1, "c.safetensors: members[1].columns: found v, u, expected u, v"),
        ([a, folder + "/none.safetensors"], 1, "none.safetensors"),
        ([a, "--weights", "1,2"], 2, "--weights has 2 numbers, expected 1"),
        ([a, a, "--weights", "1,-2"], 2, "expected positive numbers"),
        ([a, a, "--weights", "1,nan"], 2, "expected positive numbers"),
        ([a, a, "--weights", "1,0"], 2, "leave out a model without weight"),
        ([folder + "/a.so"], 2, "a compiled flow can't be joined"),
        ([], 2, "Missing expected argument"),
      ] {
        let result = try command.flowir(["ensemble"] + arguments + ["--output", out])
        #expect(result.status == Int32(status), "\(arguments) \(result.errors)")
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: out))
      }
      let one = try command.flowir("ensemble", a, "--output", out)
      #expect(one.status == 0, "\(one.errors)")
      let same = try command.flowir("ensemble", a, "--output", a)
      #expect(same.status != 0)
    }
  }
}
