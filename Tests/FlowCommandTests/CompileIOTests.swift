import FlowCodegen
import FlowFiles
import FlowRuntime
import Foundation
import Testing

@testable import Flows

/// `flowir compile --io f64`: arrays of float64 around code of float32.
@Suite struct CompileIOTests {
  private static let folder = FileManager.default.temporaryDirectory.path

  /// A flow of numbers such as Julian dates, given others such.
  private static func model() throws -> Model {
    var model = try NSF(features: 2, context: 1, transforms: 2, hiddenFeatures: [16], seed: 1).model
    try model.standardize(
      Rows([2_460_000.25, -3, 2_460_000.75, 5], columns: 2) as Rows<Double>,
      context: Rows([1e9 + 0.5, 1e9 + 2.5], columns: 1) as Rows<Double>)
    return model
  }

  private static func compiled(_ model: Model, _ functions: [ArtifactFunction]) throws
    -> CompiledFlow<Double>
  {
    let path = folder + "/libflowir-\(UUID().uuidString).so"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try model.artifactSource(functions: functions, io: .f64).compile(to: path, named: "io.so")
    return try CompiledFlow<Double>(contentsOf: path)
  }

  /// More rows than are narrowed at a time.
  private static let rows = 20_000

  private static func table(_ columns: Int, seed: UInt64, around centre: [Double]) -> Rows<Double> {
    var generator = SeededGenerator(seed: seed)
    return Rows(
      (0..<rows * columns).map { centre[$0 % columns] + generator.normal() }, columns: columns)
  }

  @Test(
    "every function gives the bits of float32 code on centred rows, and samples with the centre")
  func bits() throws {
    let model = try Self.model()
    let functions = ArtifactFunction.allCases
    let wide = try Self.compiled(model, functions)
    let narrow = try model.centred().compiled(Float.self)
    let units = try #require(model.units)
    let contextUnits = try #require(model.contextUnits)
    let x = Self.table(2, seed: 1, around: units.centre)
    let all = Self.table(1, seed: 2, around: contextUnits.centre)
    func centred(_ table: Rows<Double>, _ units: ColumnUnits) -> Rows<Float> {
      Rows(
        table.values.enumerated().map { Float($1 - units.centre[$0 % table.columns]) },
        columns: table.columns)
    }
    let own = centred(x, units)
    // A context for each row, for each group of 8, and for all.
    for count in [Self.rows, Self.rows / 8, 1] {
      let context = Rows(Array(all.values.prefix(count)), columns: 1)
      let condition = centred(context, contextUnits)
      #expect(
        try wide.logProb(x, context: context)
          == narrow.logProb(own, context: condition).map { Double($0) })
      let (z, expected) = (
        try wide.transform(x, context: context), try narrow.transform(own, context: condition)
      )
      #expect(z.rows.values == expected.rows.values.map { Double($0) })
      #expect(z.ladj == expected.ladj.map { Double($0) })
      let back = try wide.inverse(z.rows, context: context)
      let known = try narrow.inverse(expected.rows, context: condition)
      #expect(
        back.rows.values
          == known.rows.values.enumerated().map { Double($1) + units.centre[$0 % 2] })
      let slope = try wide.logProbAndGradient(x, context: context)
      let wanted = try narrow.logProbAndGradient(own, context: condition)
      #expect(slope.x.values == wanted.x.values.map { Double($0) })
      #expect(slope.context?.values == wanted.context?.values.map { Double($0) })
      let draw = try wide.sample(Self.rows, context: context, seed: 5, firstRow: 7)
      let known2 = try narrow.sample(Self.rows, context: condition, seed: 5, firstRow: 7)
      #expect(
        draw.x.values
          == known2.x.values.enumerated().map { Double($1) + units.centre[$0 % 2] })
      #expect(draw.logProb == known2.logProb.map { Double($0) })
    }
    let few = Rows(Array(all.values.prefix(3)), columns: 1)
    let each = try wide.sample(7000, forEach: few, seed: 2)
    let known = try narrow.sample(7000, forEach: centred(few, contextUnits), seed: 2)
    #expect(each.logProb == known.logProb.map { Double($0) })
    // Near 2.46 million float32 keeps a quarter of a day.
    let exact = try model.compiled(Double.self).logProb(x, context: all)
    let error = zip(try wide.logProb(x, context: all), exact).map { abs($0 - $1) }.max() ?? 1
    #expect(error < 1e-3, "\(error)")
  }

  @Test(
    "results do not depend on the number of threads, and a flow without units or context has it too"
  )
  func plain() throws {
    let model = try MAF(features: 3, transforms: 2, hiddenFeatures: [8], seed: 2).model
    let wide = try Self.compiled(model, [.logProb, .sample])
    let x = Self.table(3, seed: 3, around: [0, 0, 0])
    let found = try wide.logProb(x, threads: 1)
    #expect(try wide.logProb(x, threads: 3) == found)
    let narrow = try model.compiled(Float.self)
    let own = Rows(x.values.map { Float($0) }, columns: 3)
    #expect(try narrow.logProb(own).map { Double($0) } == found)
    #expect(
      try wide.sample(10, seed: 1).x.values
        == narrow.sample(10, seed: 1).x.values.map { Double($0) })
    #expect(try wide.logProb(Rows([], columns: 3)).isEmpty)
    let nan = try wide.logProb([[1, .nan, 0], [0, 0, 0]])
    #expect(nan[0].isNaN && nan[1].isFinite)
  }

  @Test("with bounds far from zero, scores keep their digits and no sample is outside")
  func bounds() throws {
    let day = 2_460_000.5
    var model = try Model(.nsf(.init(transforms: 1)), features: 3, seed: 2)
    let bounds = try Bounds(
      lower: [-.infinity, day, day - 0.1], upper: [.infinity, .infinity, day + 0.2])
    try model.bound(bounds)
    let x = Rows(
      (0..<300).flatMap { row -> [Double] in
        let t = Double(row)
        return [day + sin(t), day + exp(cos(3 * t)), day + 0.05 + 0.14 * sin(5 * t)]
      }, columns: 3)
    try model.standardize(x)
    let wide = try Self.compiled(model, [.logProb, .inverse, .sample])
    let exact = try model.compiled(Double.self).logProb(x)
    let error = zip(try wide.logProb(x), exact).map { abs($0 - $1) }.max() ?? 1
    #expect(error < 5e-4, "\(error)")
    let z = Rows((-100...100).flatMap { [Double($0), Double($0) / 9, -Double($0)] }, columns: 3)
    for rows in [try wide.sample(100_000, seed: 1).x, try wide.inverse(z).rows] {
      #expect(bounds.firstOutside(rows.values) == nil)
    }
    let missing = try wide.inverse([[.nan, 0, 0]]).rows
    #expect(missing.values.contains { $0.isNaN }, "a bound is no value for a missing one")
  }

  @Test(
    "the command compiles it, the header is of double, and score and sample take it as the model")
  func command() throws {
    let folder = Self.folder + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var model = try MAF(features: 2, transforms: 1, hiddenFeatures: [8], seed: 2).model
    try model.standardize(
      Rows([2_460_000.25, -3, 2_460_000.75, 5], columns: 2) as Rows<Double>)
    try model.save(to: folder + "/m.safetensors")
    let writer = try createRows(folder + "/x.npy", columns: 2, type: .f64)
    try writer.write([2_460_000.3, 1, 2_460_000.6, 2])
    try writer.finish()
    let made = try CommandTests().flowir(
      "compile", folder + "/m.safetensors", "--output", folder + "/libm.so", "--io", "f64")
    #expect(made.status == 0, "\(made.errors)")
    let header = try String(contentsOfFile: folder + "/m.h", encoding: .utf8)
    #expect(header.contains("int flowir_log_prob(const double *x"))
    #expect(header.contains("Numbers are double, and computed with in float"))
    #expect(!header.contains("_within"))
    for words in [["score", "--input", folder + "/x.npy"], ["sample", "--rows", "100"]] {
      var tables: [[Double]] = []
      for name in ["m.safetensors", "libm.so"] {
        let result = try CommandTests().flowir(
          [words[0], folder + "/" + name] + words.dropFirst() + ["--output", folder + "/out.npy"])
        #expect(result.status == 0, "\(result.errors)")
        tables.append(try NPYReader(folder + "/out.npy").read(1000))
      }
      #expect(tables[0] == tables[1], "\(words)")
    }
    let info = try CommandTests().flowir("info", folder + "/libm.so", "--json")
    #expect(info.output.contains(#""computes": "f32""#), "\(info.output)")
    let refused = try CommandTests().flowir(
      "compile", folder + "/m.safetensors", "--output", folder + "/libm.so", "--io", "f32",
      "--dtype", "f64")
    #expect(refused.status == 2 && refused.errors.contains("--io f32 loses digits"))
  }
}
