import FlowFiles
import Flows
import Foundation
import Testing

/// `flowir train` in the data's units, and what it says about the data.
@Suite struct UnitCommandTests {
  private func inFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func write(
    _ path: String, _ count: Int, _ row: (inout SeededGenerator) -> [Double]
  ) throws {
    var generator = SeededGenerator(seed: 3)
    let first = row(&generator)
    let writer = try createRows(path, columns: first.count, type: .f64)
    try writer.write(first + (1..<count).flatMap { _ in row(&generator) })
    try writer.finish()
  }

  private func train(_ folder: String, _ line: String) throws -> CommandTests.Outcome {
    try CommandTests().flowir(
      ["train", "--output", folder + "/m.safetensors"]
        + line.split(separator: " ").map { $0.replacing("@", with: folder + "/").description })
  }

  @Test("dates of float64 are learnt as well as the same rows around zero")
  func dates() throws {
    try inFolder { folder in
      // A density that a spline must bend for, a thousandth of a day wide.
      func row(_ g: inout SeededGenerator, _ centre: Double) -> [Double] {
        [centre + 1e-3 * ((g.uniform() < 0.5 ? -1 : 1) + 0.2 * g.normal())]
      }
      try write(folder + "/far.npy", 2000) { row(&$0, 2_459_000.5) }
      try write(folder + "/near.npy", 2000) { row(&$0, 0) }
      var found: [Double] = []
      for name in ["near", "far"] {
        let result = try train(
          folder,
          "--flow NSF --data @\(name).npy --epochs 40 --json --batch-size 128 --learning-rate 5e-3")
        #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
        let summary = try JSONValue.parse(result.output.utf8)
        if case .number(let value)? = summary["train_log_likelihood"] { found.append(value) }
      }
      // Half the rows in each of two normal distributions 2e-4 wide.
      let best = -log(2) - 0.5 * log(2 * Double.pi * M_E) - log(2e-4)
      #expect(abs(found[0] - best) < 0.1 && abs(found[1] - found[0]) < 0.01, "\(found) \(best)")
    }
  }

  @Test("far rows and contexts of float64 score, transform and sample with all of their digits")
  func far() throws {
    try inFolder { folder in
      try write(folder + "/x.npy", 300) { [2_459_000.5 + 1e-3 * $0.normal(), 5 + $0.normal()] }
      try write(folder + "/c.npy", 300) { [1.7e9 + 0.01 * $0.normal()] }
      let trained = try train(
        folder, "--flow NSF --data @x.npy --context-data @c.npy --epochs 10 --batch-size 64")
      #expect(trained.status == 0 && trained.errors.isEmpty, "\(trained.errors)")
      func run(_ line: String) throws {
        let words = line.split(separator: " ")
        let result = try CommandTests().flowir(
          [String(words[0]), folder + "/m.safetensors"]
            + words.dropFirst().map { $0.replacing("@", with: folder + "/").description })
        #expect(result.status == 0 && result.errors.isEmpty, "\(line): \(result.errors)")
      }
      func read(_ name: String) throws -> [Double] {
        try openRows(folder + "/" + name).read(100_000)
      }
      func expectNear(_ a: String, _ b: String, _ limit: Double) throws {
        for (one, other) in zip(try read(a), try read(b)) {
          #expect(abs(one - other) <= limit * (1 + abs(other)), "\(a) and \(b)")
        }
      }
      try run("score --input @x.npy --context @c.npy --output @one.npy")
      try run("score --input @x.npy --context @c.npy --output @two.npy --dtype f64")
      try expectNear("one.npy", "two.npy", 1e-4)
      try run("transform --input @x.npy --context @c.npy --output @z.npy")
      try run("transform --input @x.npy --context @c.npy --output @zz.npy --dtype f64")
      try expectNear("z.npy", "zz.npy", 1e-4)
      try run("transform --inverse --input @z.npy --context @c.npy --output @back.npy")
      let (x, back) = (try read("x.npy"), try read("back.npy"))
      for (one, other) in zip(x, back) { #expect(abs(one - other) < 1e-5 * (one > 100 ? 1e-3 : 1)) }
      try run("gradient --input @x.npy --context @c.npy --output @g.safetensors")
      let loss = try #require(SafetensorsFile(path: folder + "/g.safetensors")["loss"]).doubles[0]
      let scores = try read("two.npy")
      #expect(abs(loss + scores.reduce(0, +) / 300) < 1e-4)
      try run(
        "sample --rows 20 --context @c.npy --output @s.npy --log-prob @lp.npy --seed 3")
      #expect(try openRows(folder + "/s.npy").isDouble && !openRows(folder + "/lp.npy").isDouble)
      // Samples of each context, scored with it.
      let c = try read("c.npy")
      let repeated = try createRows(folder + "/cc.npy", columns: 1, type: .f64)
      for value in c { try repeated.write([Double](repeating: value, count: 20)) }
      try repeated.finish()
      try run("score --input @s.npy --context @cc.npy --output @scored.npy")
      try expectNear("scored.npy", "lp.npy", 1e-3)
      let dates = try read("s.npy").enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
      #expect(Set(dates).count > 5000, "float32 has 2 numbers in this range")
    }
  }

  @Test("samples of a flow with --lower and --upper are inside, and rows outside are said")
  func limits() throws {
    try inFolder { folder in
      try write(folder + "/x.npy", 600) { [exp($0.normal()), $0.normal(), $0.uniform()] }
      let line = "--flow NSF --data @x.npy --epochs 3 --batch-size 64 --lower 0,-inf,0"
      let result = try train(folder, line + " --upper inf,inf,1")
      #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
      let bounds = try Model(path: folder + "/m.safetensors").bounds
      #expect(bounds?.lower == [0, -.infinity, 0] && bounds?.upper == [.infinity, .infinity, 1])
      let drawn = try CommandTests().flowir(
        "sample", folder + "/m.safetensors", "--rows", "2000", "--output", folder + "/s.npy")
      #expect(drawn.status == 0)
      let samples = try openRows(folder + "/s.npy").read(9000)
      #expect(bounds?.firstOutside(samples) == nil && samples.count == 6000)
      let outside = try train(folder, "--flow NSF --data @x.npy --upper 0.5,inf,inf")
      #expect(outside.status == 1 && outside.errors.contains("above its upper bound 0.5"))
      for wrong in [
        "--lower 0", "--lower 0,x,0", "--lower 2,0,0 --upper 1,1,1", "--lower 1=0,0", "--lower 4=0",
        "--lower mass=0", "--lower 1=0,1=1", "--lower 1=x", "--lower 1=nan",
      ] {
        #expect(try train(folder, "--flow NSF --data @x.npy " + wrong).status == 2, "\(wrong)")
      }
    }
  }

  @Test("bounds of some columns are given by name or number")
  func someLimits() throws {
    try inFolder { folder in
      var generator = SeededGenerator(seed: 7)
      let lines = (0..<300).map { _ in
        "\(exp(generator.normal())),\(generator.normal()),\(generator.uniform())"
      }
      try ("mass,a=b,share\n" + lines.joined(separator: "\n") + "\n")
        .write(toFile: folder + "/x.csv", atomically: true, encoding: .utf8)
      let result = try train(
        folder,
        "--flow MAF --data @x.csv --epochs 1 --lower mass=0,3=0,a=b=-9 --upper share=1")
      #expect(result.status == 0, "\(result.errors)")
      let bounds = try Model(path: folder + "/m.safetensors").bounds
      #expect(bounds?.lower == [0, -9, 0] && bounds?.upper == [.infinity, .infinity, 1])
      let unknown = try train(folder, "--flow MAF --data @x.csv --upper shares=1")
      #expect(unknown.status == 2)
      #expect(
        unknown.errors.contains("--upper: there is no column 'shares'")
          && unknown.errors.contains("mass, a=b, share"), "\(unknown.errors)")
    }
  }

  @Test("a flow in units beats one without on data far from a spline's interval, which is said")
  func bounds() throws {
    try inFolder { folder in
      try write(folder + "/x.npy", 500) { [100 + 30 * $0.normal(), 0.5 * $0.normal()] }
      let plain = try train(folder, "--flow NSF --data @x.npy --epochs 2 --no-standardize --json")
      #expect(
        plain.errors.contains("column 1: 100 % of its numbers are outside [-5.0, 5.0]"),
        "\(plain.errors)")
      #expect(!plain.errors.contains("column 2"))
      let result = try train(folder, "--flow NSF --data @x.npy --epochs 2")
      #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
      let model = try Model(path: folder + "/m.safetensors")
      #expect(abs((model.units?.centre[0] ?? 0) - 100) < 5)
    }
  }

  @Test(
    "columns that a density can't have, and far or repeated rows, are said, each with what to do")
  func notes() throws {
    try inFolder { folder in
      try write(folder + "/x.npy", 400) {
        [7, Double(Int($0.uniform() * 3)), $0.normal(), $0.uniform() < 0.01 ? 1e12 : $0.normal()]
      }
      try write(folder + "/c.npy", 400) { [1, Double(Int($0.uniform() * 3))] }
      let result = try train(
        folder, "--flow MAF --data @x.npy --context-data @c.npy --epochs 1 --learning-rate 1e-4")
      let lines = result.errors.split(separator: "\n").map(String.init)
      for text in [
        "x.npy: column 1 is 7.0 in all rows", "x.npy: column 2 has 3 distinct numbers in 400 rows",
        "x.npy: column 4: a few rows are so far", "c.npy: column 1 is 1.0 in all rows",
      ] {
        #expect(lines.contains { $0.contains(text) }, "\(text): \(result.errors)")
      }
      // Whether one epoch is better than none is another matter.
      let notes = lines.filter { $0.contains("warning: \(folder)") }
      #expect(notes.count == 4, "\(result.errors)")
      try write(folder + "/r.npy", 400) { [Double(Int($0.uniform() * 300)) * 0.37] }
      let repeated = try train(folder, "--flow MAF --data @r.npy --epochs 1")
      #expect(repeated.errors.contains("of 400 rows repeat another"), "\(repeated.errors)")
      #expect(repeated.errors.contains("MAF of one feature is a normal distribution, whatever"))
      let robust = try train(folder, "--flow MAF --data @x.npy --robust --epochs 1")
      #expect(!robust.errors.contains("a few rows"), "\(robust.errors)")
      let wrong = try train(folder, "--flow MAF --data @x.npy --robust --no-standardize")
      #expect(wrong.status == 2)
    }
  }

  @Test("small data of two modes are fitted without tuning, with one feature too")
  func firstRun() throws {
    try inFolder { folder in
      // Half at 0 with deviation 1, half at 6 with deviation 0.5: entropy log 2 + 1.07 nats but for an
      // overlap that does not count; a normal distribution of the same moments has 2.54.
      try write(folder + "/x.npy", 1000) {
        [$0.uniform() < 0.5 ? $0.normal() : 6 + 0.5 * $0.normal()]
      }
      for (flow, most) in [("NSF", 1.95), ("MAF", 2.7)] {
        let result = try train(folder, "--flow \(flow) --data @x.npy --json")
        let report = try JSONValue.parse(result.output.utf8)
        guard case .number(let found)? = report["validation_log_likelihood"] else {
          Issue.record("\(result.output)\(result.errors)")
          return
        }
        #expect(found > -most, "\(flow): \(found)")
        #expect(result.errors.contains("NSF has any shape") == (flow == "MAF"), "\(result.errors)")
      }
    }
  }

  @Test("angles stay as they are, a custom flow is standardized by request alone")
  func exceptions() throws {
    try inFolder { folder in
      try write(folder + "/x.npy", 300) { [3 * $0.uniform(), $0.uniform()] }
      try write(folder + "/c.npy", 300) { [100 * $0.normal()] }
      #expect(
        try train(folder, "--flow NCSF --data @x.npy --context-data @c.npy --epochs 1").status == 0)
      var model = try Model(path: folder + "/m.safetensors")
      #expect(model.units == nil && model.contextUnits != nil)
      let part = #"{"type": "ElementWiseTransform", "features": 2}"#
      let base = #"{"type": "UnconditionalDistribution", "f": {"type": "DiagNormal"}}"#
      try #"{"type": "Flow", "features": 2, "transform": [\#(part)], "base": \#(base)}"#.write(
        toFile: folder + "/f.json", atomically: true, encoding: .utf8)
      for (flags, hasUnits) in [("", false), (" --standardize", true)] {
        let line = "--config @f.json --data @x.npy --epochs 2 --learning-rate 0.05" + flags
        #expect(try train(folder, line).status == 0)
        model = try Model(path: folder + "/m.safetensors")
        #expect((model.units != nil) == hasUnits)
      }
    }
  }
}
