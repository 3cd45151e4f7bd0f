import Flows
import Foundation
import Testing

/// One context for each group of rows: the bits are those of contexts that are repeated.
@Suite struct GroupedContextTests {
  /// A flow's JSON description; the sizes are small, since each is compiled.
  static let flows = [
    #"{"type": "MAF", "features": 3, "context": 2, "transforms": 2, "hidden_features": [8]}"#,
    #"{"type": "NSF", "features": 2, "context": 17, "transforms": 1, "hidden_features": [8]}"#,
    #"{"type": "NICE", "features": 3, "context": 1, "transforms": 2, "hidden_features": [8]}"#,
    #"{"type": "CNF", "features": 2, "context": 2, "hidden_features": [4]}"#,
    #"{"type": "GMM", "features": 2, "context": 3, "components": 2, "hidden_features": [8]}"#,
  ]

  private func contexts<Scalar: FlowScalar>(
    _ count: Int, _ columns: Int, _ scalar: Scalar.Type
  ) -> Rows<Scalar> {
    Rows((0..<count * columns).map { Scalar(sin(Double($0 + 1) * 0.7)) }, columns: columns)
  }

  private func repeated<Scalar: FlowScalar>(
    _ rows: Rows<Scalar>, _ count: Int
  ) -> Rows<Scalar> {
    Rows(
      rows.flatMap { row in (0..<count).flatMap { _ in Array(row) } }, columns: rows.columns)
  }

  private func check<Scalar: FlowScalar>(_ text: String, _ scalar: Scalar.Type) throws {
    let model = try Model(FlowDescription(text: text), seed: 5)
    let flow = try model.compiled(scalar)
    // Groups within a tile of 64 rows, of a whole one, and over several; one context is a group too.
    for (count, groups) in [(1, 3), (5, 40), (63, 3), (64, 2), (65, 3), (200, 2), (70, 1), (0, 4)] {
      let given = contexts(groups, flow.context, scalar)
      let all = repeated(given, count)
      for threads in [1, 3] {
        let expected = try flow.sample(
          count * groups, context: all, seed: 1 << 33 + 5, firstRow: 1000, threads: threads)
        let found = try flow.sample(
          count, forEach: given, seed: 1 << 33 + 5, firstRow: 1000, threads: threads)
        #expect(found.x == expected.x && found.logProb == expected.logProb, "\(count) x \(groups)")
        guard groups > 1 else { continue }
        let x = expected.x
        #expect(
          try flow.logProb(x, context: given, threads: threads)
            == flow.logProb(x, context: all, threads: threads), "\(count) x \(groups)")
        // Gradients take long to compile, so they are checked for one flow.
        guard count == 5, text == Self.flows[0] else { continue }
        let (a, b) = try (
          flow.logProbAndGradient(x, context: given, threads: threads),
          flow.logProbAndGradient(x, context: all, threads: threads)
        )
        #expect(a.logProb == b.logProb && a.x == b.x && a.context == b.context)
        #expect(a.context?.count == count * groups)
      }
    }
  }

  @Test("samples and densities have the bits of repeated contexts, in f32", arguments: flows)
  func single(text: String) throws { try check(text, Float.self) }

  @Test(
    "samples and densities have the bits of repeated contexts, in f64",
    arguments: flows.prefix(2) + flows.suffix(1))
  func double(text: String) throws { try check(text, Double.self) }

  @Test("a sample that is drawn in parts is the whole, wherever a context's samples are cut")
  func parts() throws {
    for text in Self.flows {
      let flow = try Model(FlowDescription(text: text), seed: 5).compiled()
      let given = contexts(3, flow.context, Float.self)
      let whole = try flow.sample(100, forEach: given, seed: 7)
      var values: [Float] = []
      for (context, rows) in [(0, 0..<30), (0, 30..<100), (1, 0..<100), (2, 0..<1), (2, 1..<100)] {
        let part = try flow.sample(
          rows.count, forEach: Rows(given[context]), seed: 7,
          firstRow: context * 100 + rows.lowerBound)
        values += part.x.values
      }
      #expect(values == whole.x.values, "\(text)")
    }
  }

  @Test("a shared object gives the bits of the flow that it was made of")
  func artifact() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/flowir-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let here = try Model(FlowDescription(text: Self.flows[1]), seed: 5).compiled()
    try here.write(to: folder + "/libmodel.so")
    let loaded = try CompiledFlow<Float>(contentsOf: folder + "/libmodel.so")
    for (count, groups) in [(1, 3), (63, 3), (65, 3), (70, 1)] {
      let given = contexts(groups, 17, Float.self)
      let a = try here.sample(count, forEach: given, seed: 2, firstRow: 9)
      let b = try loaded.sample(count, forEach: given, seed: 2, firstRow: 9, threads: 3)
      #expect(a.x == b.x && a.logProb == b.logProb)
      #expect(
        try here.logProb(a.x, context: given) == loaded.logProb(a.x, context: given, threads: 3))
      let z = try (here.transform(a.x, context: given), loaded.transform(a.x, context: given))
      #expect(z.0.rows == z.1.rows && z.0.ladj == z.1.ladj)
      let x = try (
        here.inverse(z.0.rows, context: given), loaded.inverse(z.0.rows, context: given)
      )
      #expect(x.0.rows == x.1.rows && x.0.ladj == x.1.ladj)
    }
  }

  @Test("contexts that do not divide the rows, and samples that cannot be, are errors")
  func errors() throws {
    let flow = try Model(FlowDescription(text: Self.flows[0]), seed: 5).compiled()
    let given = contexts(3, 2, Float.self)
    let x = contexts(4, 3, Float.self)
    #expect(throws: RuntimeError.shape(argument: "context", found: [3, 2], expected: [4, 2])) {
      try flow.logProb(x, context: given)
    }
    #expect(throws: RuntimeError.shape(argument: "context", found: [4, 3], expected: [8, 2])) {
      try flow.sample(2, forEach: x, seed: 1)
    }
    for count in [-1, Int.max, Int.max / 3] {
      #expect(throws: RuntimeError.self) { try flow.sample(count, forEach: given, seed: 1) }
    }
    #expect(throws: RuntimeError.self) {
      try flow.sample(1, forEach: given, seed: 1, firstRow: -1)
    }
    let none = try MAF(features: 2, hiddenFeatures: [8]).compiled()
    #expect(throws: RuntimeError.shape(argument: "context", found: [3, 2], expected: [])) {
      try none.sample(1, forEach: given, seed: 1)
    }
  }
}
